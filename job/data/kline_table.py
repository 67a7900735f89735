"""The table ``klines``: whole series in and out of numpy, and what of a market is stored.

A stored bar is a fact: writing it again is fine, writing another bar in its place is refused.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

import numpy as np
from psycopg import sql

from job.arrays import IntArray
from job.data.copy_binary import FLOAT8, TIMESTAMPTZ, Column, copy_in, copy_out
from job.data.klines import Klines, MarketKey
from job.data.postgres import Connection, translate_errors
from job.data.timestamps import decode_times, encode_times, to_milliseconds, to_timestamp
from job.errors import DataError, NoDataError
from job.intervals import format_utc, interval_ms

_PRICES: Final = ("open", "high", "low", "close", "volume")
_OPEN_TIME: Final = Column(name="open_time", payload=TIMESTAMPTZ)
_PRICE_COLUMNS: Final = tuple(Column(name=name, payload=FLOAT8) for name in _PRICES)
_WRITTEN: Final = (_OPEN_TIME, Column(name="available_at", payload=TIMESTAMPTZ), *_PRICE_COLUMNS)

_STAGE = """
    CREATE TEMPORARY TABLE staged_klines (
        open_time timestamptz NOT NULL, available_at timestamptz NOT NULL, open double precision NOT NULL,
        high double precision NOT NULL, low double precision NOT NULL, close double precision NOT NULL,
        volume double precision NOT NULL
    ) ON COMMIT DROP"""
_INSERT = """
    INSERT INTO klines (venue, symbol, interval, open_time, available_at, open, high, low, close, volume)
    SELECT %(venue)s, %(symbol)s, %(interval)s, open_time, available_at, open, high, low, close, volume
    FROM staged_klines ORDER BY open_time  -- one order for all writers: no deadlocks
    ON CONFLICT (venue, symbol, interval, open_time) DO NOTHING"""
_CONFLICTS = """
    SELECT staged.open_time, stored.close, staged.close
    FROM staged_klines staged JOIN klines stored USING (open_time)
    WHERE venue = %(venue)s AND symbol = %(symbol)s AND interval = %(interval)s
      AND (stored.open, stored.high, stored.low, stored.close, stored.volume)
          IS DISTINCT FROM (staged.open, staged.high, staged.low, staged.close, staged.volume)
    ORDER BY open_time"""
_RANGE = """
    SELECT {columns} FROM klines
    WHERE venue = {venue} AND symbol = {symbol} AND interval = {interval}
      AND open_time >= {start} AND open_time < {end}
    ORDER BY open_time"""
_SPAN = """
    SELECT min(open_time), max(open_time), count(*) FROM klines
    WHERE venue = %(venue)s AND symbol = %(symbol)s AND interval = %(interval)s"""
_LATER = """
    SELECT wanted.symbol, num_stored, open_time, open, high, low, close, volume
    FROM unnest(%(symbols)s::text[], %(after)s::timestamptz[]) AS wanted (symbol, after)
    CROSS JOIN LATERAL (
        SELECT count(*) AS num_stored FROM klines
        WHERE venue = %(venue)s AND symbol = wanted.symbol AND interval = %(interval)s
          AND open_time >= %(start)s AND open_time < %(end)s
    ) counted
    LEFT JOIN LATERAL (  -- OFFSET keeps it apart: joined as a whole, it is planned to read every bar of the table
        SELECT open_time, open, high, low, close, volume FROM klines
        WHERE venue = %(venue)s AND symbol = wanted.symbol AND interval = %(interval)s
          AND open_time > wanted.after AND open_time < %(end)s
        OFFSET 0
    ) later ON true
    ORDER BY wanted.symbol, open_time"""
_NEWEST_COMMON = """
    SELECT min(newest), count(newest) FROM unnest(%(symbols)s::text[]) AS wanted, LATERAL (
        SELECT max(open_time) AS newest FROM klines
        WHERE venue = %(venue)s AND symbol = wanted AND interval = %(interval)s AND open_time < %(end)s
    ) markets"""
_MARKETS = """
    WITH RECURSIVE markets AS (  -- one index descent a market instead of a scan of all bars
        (SELECT venue, symbol, interval FROM klines ORDER BY venue, symbol, interval LIMIT 1)
        UNION ALL
        SELECT next.* FROM markets, LATERAL (
            SELECT venue, symbol, interval FROM klines
            WHERE (venue, symbol, interval) > (markets.venue, markets.symbol, markets.interval)
            ORDER BY venue, symbol, interval LIMIT 1
        ) next
    )
    SELECT venue, symbol, interval FROM markets"""


@dataclass(frozen=True, kw_only=True)
class KlineSpan:
    """What is stored of a market: first and last open time (ms UTC) and number of bars."""

    first_open_ms: int
    last_open_ms: int
    num_bars: int


@dataclass(frozen=True, kw_only=True)
class LaterKlines:
    """The bars of a market that opened after some moment, ascending, and how many are stored of the whole span."""

    klines: Klines
    num_stored: int


class TimeSpan(NamedTuple):
    """The half-open span [start_ms, end_ms) of open times, ms UTC."""

    start_ms: int
    end_ms: int


@translate_errors()
def write_klines(connection: Connection, key: MarketKey, klines: Klines) -> int:
    """Store the bars that are not stored yet; returns how many those were.

    Raises
    ------
    DataError
        When a stored bar differs from the new one of its time. Nothing is written then.
    """
    if klines.interval != key.interval:
        raise ValueError(f"klines of {klines.interval} are not {key}")
    data = {
        "open_time": encode_times(klines.open_time),
        "available_at": encode_times(klines.available_at),
        **{name: getattr(klines, name) for name in _PRICES},
    }
    with connection.transaction():
        connection.execute(_STAGE)
        copy_in(connection, "staged_klines", _WRITTEN, data)
        num_added = connection.execute(_INSERT, vars(key)).rowcount
        # Asked after the insert: it has waited for every other writer of these bars.
        _refuse_conflicts(connection, key)
        connection.execute("DROP TABLE staged_klines")
    return num_added


@translate_errors()
def read_klines(connection: Connection, key: MarketKey, *, start_ms: int, end_ms: int) -> Klines:
    """The stored bars that open in [start_ms, end_ms), ascending; none is a `Klines` of length 0."""
    data = _read_range(connection, key, (_OPEN_TIME, *_PRICE_COLUMNS), start_ms, end_ms)
    open_time = decode_times(data.pop("open_time"))
    return Klines(interval=key.interval, open_time=open_time, **data)


@translate_errors()
def stored_span(connection: Connection, key: MarketKey) -> KlineSpan | None:
    """First bar, last bar and number of bars of a market; None when it has none."""
    row = connection.execute(_SPAN, vars(key)).fetchone()
    assert row is not None
    first, last, num_bars = row
    if num_bars == 0:
        return None
    return KlineSpan(first_open_ms=to_milliseconds(first), last_open_ms=to_milliseconds(last), num_bars=num_bars)


def require_span(connection: Connection, key: MarketKey, *, flags: str) -> KlineSpan:
    """The same of a market that must have bars.

    Parameters
    ----------
    flags : what a command line must say to mean the market, for the remedy.

    Raises
    ------
    NoDataError
        Where it has none.
    """
    span = stored_span(connection, key)
    if span is None:
        raise NoDataError(
            f"The database has no klines of {key}.", remedy=f"Run `lorentzian collect{flags}`, or `lorentzian import`."
        )
    return span


@translate_errors()
def read_later_klines(
    connection: Connection, after_ms: Mapping[MarketKey, int], *, start_ms: int, end_ms: int
) -> dict[MarketKey, LaterKlines]:
    """Of each market, in one round trip, the bars after a moment, and the number that open in [start_ms, end_ms).

    Parameters
    ----------
    after_ms : milliseconds UTC by market, all of one venue and interval; its bars open after that, before ``end_ms``.
    """
    ((venue, interval),) = {(key.venue, key.interval) for key in after_ms}
    named = {
        "symbols": [key.symbol for key in after_ms],
        "after": [to_timestamp(moment_ms) for moment_ms in after_ms.values()],
        "venue": venue,
        "interval": interval,
        "start": to_timestamp(start_ms),
        "end": to_timestamp(end_ms),
    }
    found: dict[str, list[tuple[Any, ...]]] = {}
    for symbol, *row in connection.execute(_LATER, named).fetchall():
        found.setdefault(symbol, []).append(tuple(row))
    return {key: _later(interval, found[key.symbol]) for key in after_ms}


@translate_errors()
def newest_common_open(connection: Connection, keys: Sequence[MarketKey], *, end_ms: int) -> int | None:
    """The open time before ``end_ms`` (ms UTC) that all of these markets have reached; None where one has no bar.

    Parameters
    ----------
    keys : of one venue and interval.
    """
    ((venue, interval),) = {(key.venue, key.interval) for key in keys}
    symbols = [key.symbol for key in keys]
    named = {"symbols": symbols, "venue": venue, "interval": interval, "end": to_timestamp(end_ms)}
    row = connection.execute(_NEWEST_COMMON, named).fetchone()
    assert row is not None
    newest, num_found = row
    return to_milliseconds(newest) if num_found == len(symbols) else None


@translate_errors()
def stored_markets(connection: Connection) -> list[MarketKey]:
    """Every market that has bars, ordered by venue, symbol and interval."""
    rows = connection.execute(_MARKETS).fetchall()
    return [MarketKey(venue=venue, symbol=symbol, interval=interval) for venue, symbol, interval in rows]


@translate_errors()
def missing_spans(connection: Connection, key: MarketKey, start_ms: int, end_ms: int) -> list[TimeSpan]:
    """The longest spans within [start_ms, end_ms) whose bars are not stored, ascending.

    Bars stand on the interval's UTC grid: the ends of a span are the open time of its first missing bar and of the
    first bar after it.
    """
    step = interval_ms(key.interval)
    first, end = (-(-time_ms // step) * step for time_ms in (start_ms, end_ms))
    stored = decode_times(_read_range(connection, key, (_OPEN_TIME,), first, end)["open_time"])
    return _gaps(stored, first, end, step)


def _later(interval: str, rows: list[tuple[Any, ...]]) -> LaterKlines:
    """Of one market: at least one row, whose bar is NULL where there is none."""
    bars = [row[1:] for row in rows if row[1] is not None]
    open_time = np.array([to_milliseconds(bar[0]) for bar in bars], dtype=np.int64)
    prices = np.array([bar[1:] for bar in bars], dtype=np.float64).reshape(-1, len(_PRICES))
    columns = dict(zip(_PRICES, np.ascontiguousarray(prices.T), strict=True))
    return LaterKlines(klines=Klines(interval=interval, open_time=open_time, **columns), num_stored=rows[0][0])


def _gaps(stored: IntArray, first: int, end: int, step: int) -> list[TimeSpan]:
    fence = np.concatenate([[first - step], stored, [end]])
    before = np.flatnonzero(np.diff(fence) > step)
    return [TimeSpan(int(fence[row]) + step, int(fence[row + 1])) for row in before]


def _read_range(
    connection: Connection, key: MarketKey, columns: tuple[Column, ...], start_ms: int, end_ms: int
) -> dict[str, Any]:
    query = sql.SQL(_RANGE).format(
        columns=sql.SQL(", ").join(sql.Identifier(column.name) for column in columns),
        start=to_timestamp(start_ms),
        end=to_timestamp(end_ms),
        **vars(key),
    )
    return copy_out(connection, query, columns)


def _refuse_conflicts(connection: Connection, key: MarketKey) -> None:
    conflicts = connection.execute(_CONFLICTS, vars(key)).fetchall()
    if conflicts:
        open_time, stored_close, new_close = conflicts[0]
        others = f", and {len(conflicts) - 1} more bars differ" if len(conflicts) > 1 else ""
        raise DataError(
            f"{key}: the bar of {format_utc(to_milliseconds(open_time))} UTC is stored with close {stored_close} and "
            f"now comes with close {new_close}{others}; nothing was written.",
            remedy="Find out which source is right: a stored bar is never replaced.",
        )
