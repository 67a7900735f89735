from concurrent.futures import ThreadPoolExecutor
from dataclasses import fields, replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from job.data.kline_table import (
    KlineSpan,
    _gaps,
    missing_spans,
    read_klines,
    stored_markets,
    stored_span,
    write_klines,
)
from job.data.klines import Klines, MarketKey
from job.data.postgres import connect
from job.errors import DataError
from tests.support.stored_data import MARKET, START_MS, STEP_MS, make_bars

NUM_BARS = 1000
END_MS = START_MS + NUM_BARS * STEP_MS


def assert_equal(left: Klines, right: Klines) -> None:
    """All columns equal, bit for bit."""
    for field in fields(Klines):
        assert np.asarray(getattr(left, field.name)).tobytes() == np.asarray(getattr(right, field.name)).tobytes()


def test_klines_come_back_bit_for_bit(database: str) -> None:
    """What is read equals what was written, and only what opens within the asked span is read."""
    bars = make_bars(NUM_BARS)
    with connect(database) as connection:
        assert write_klines(connection, MARKET, bars) == NUM_BARS
        assert_equal(read_klines(connection, MARKET, start_ms=START_MS, end_ms=END_MS), bars)
        part = read_klines(connection, MARKET, start_ms=START_MS + STEP_MS, end_ms=END_MS - STEP_MS)
        assert_equal(part, bars.select(slice(1, NUM_BARS - 1)))


def test_klines_are_readable_in_sql(database: str) -> None:
    """A person sees times as times, and a bar that is available when it closes."""
    with connect(database) as connection:
        write_klines(connection, MARKET, make_bars(1))
        row = connection.execute("SELECT open_time::text, available_at::text, open FROM klines").fetchone()
    assert row == ("2025-07-04 00:00:00+00", "2025-07-04 00:05:00+00", 100.0)


def test_write_klines_again_adds_only_what_is_new(database: str) -> None:
    """Overlapping writes are how a series grows."""
    bars = make_bars(NUM_BARS)
    with connect(database) as connection:
        assert write_klines(connection, MARKET, bars.select(slice(0, 600))) == 600
        assert write_klines(connection, MARKET, bars.select(slice(400, NUM_BARS))) == 400
        assert write_klines(connection, MARKET, bars) == 0
        assert_equal(read_klines(connection, MARKET, start_ms=0, end_ms=END_MS), bars)


def test_write_klines_refuses_a_bar_that_differs_and_writes_nothing(database: str) -> None:
    """The error names market, time and both closes, and the new bars beside the bad one are not stored."""
    bars = make_bars(NUM_BARS)
    close = bars.close.copy()
    close[5] = np.nextafter(close[5], np.inf)
    with connect(database) as connection:
        write_klines(connection, MARKET, bars.select(slice(0, 10)))
        with pytest.raises(DataError) as caught:
            write_klines(connection, MARKET, replace(bars, close=close))
        assert stored_span(connection, MARKET) == KlineSpan(
            first_open_ms=START_MS, last_open_ms=START_MS + 9 * STEP_MS, num_bars=10
        )
    message = str(caught.value)
    for part in (str(MARKET), "2025-07-04 00:25 UTC", repr(float(bars.close[5])), repr(float(close[5]))):
        assert part in message


@pytest.mark.parametrize("column", ["open", "high", "low", "close", "volume"])
def test_write_klines_compares_every_column(database: str, column: str) -> None:
    """A change in any one number is a different bar."""
    bars = make_bars(3)
    values = getattr(bars, column).copy()
    values[1] *= 1 + 1e-12
    with connect(database) as connection:
        write_klines(connection, MARKET, bars)
        with pytest.raises(DataError, match="2025-07-04 00:05"):
            write_klines(connection, MARKET, replace(bars, **{column: values}))


def test_write_klines_twice_at_once_stores_each_bar_once(database: str) -> None:
    """Four writers of the same bars add them once between them, without a deadlock."""
    bars = make_bars(NUM_BARS)

    def write(_: int) -> int:
        with connect(database) as connection:
            return write_klines(connection, MARKET, bars)

    with ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(write, range(4))) == NUM_BARS


def test_write_klines_refuses_bars_of_another_interval(database: str) -> None:
    """15m bars under a 5m key are a mistake in the program."""
    with connect(database) as connection, pytest.raises(ValueError, match="15m"):
        write_klines(connection, MARKET, replace(make_bars(1), interval="15m"))


def test_an_unknown_market_is_empty_not_an_error(database: str) -> None:
    """No bars, no span, and the whole span missing."""
    with connect(database) as connection:
        assert len(read_klines(connection, MARKET, start_ms=START_MS, end_ms=END_MS)) == 0
        assert stored_span(connection, MARKET) is None
        assert stored_markets(connection) == []
        assert missing_spans(connection, MARKET, START_MS, END_MS) == [(START_MS, END_MS)]


def test_stored_markets_lists_each_once(database: str) -> None:
    """Markets that share a part of their key are told apart and ordered."""
    keys = [
        MarketKey(venue=venue, symbol=symbol, interval=interval)
        for venue in ("binance-perp", "binance-spot")
        for symbol in ("BTCUSDT", "SOLUSDT")
        for interval in ("15m", "5m")
    ]
    with connect(database) as connection:
        for key in reversed(keys):
            write_klines(connection, key, replace(make_bars(1), interval=key.interval))
        assert stored_markets(connection) == keys


def test_missing_spans_names_the_holes(database: str) -> None:
    """Bars missing at both ends and in the middle give three spans, on the grid."""
    bars = make_bars(NUM_BARS)
    kept = np.ones(NUM_BARS, dtype=bool)
    kept[[0, 1, 500, NUM_BARS - 1]] = False
    with connect(database) as connection:
        write_klines(connection, MARKET, bars.select(kept))
        assert missing_spans(connection, MARKET, START_MS - 1, END_MS) == [
            (START_MS, START_MS + 2 * STEP_MS),
            (START_MS + 500 * STEP_MS, START_MS + 501 * STEP_MS),
            (END_MS - STEP_MS, END_MS),
        ]


@given(st.lists(st.booleans(), max_size=40))
def test_gaps_and_stored_bars_cover_the_grid_exactly(stored: list[bool]) -> None:
    """Every grid time is either stored or in one gap, and no two gaps touch."""
    times = np.arange(len(stored), dtype=np.int64)
    gaps = _gaps(times[np.array(stored, dtype=bool)], 0, len(stored), 1)
    missing = [time for start, end in gaps for time in range(start, end)]
    assert missing == [int(time) for time in times if not stored[time]]
    assert all(left.end_ms < right.start_ms for left, right in pairwise(gaps))
