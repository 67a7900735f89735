"""The table ``signals``: what a model said of each closed bar, written once.

A row says what was said. The same again changes nothing; another answer for the same model and bar is refused, since
what was said at the time cannot be said otherwise afterwards.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from job.arrays import BoolArray, FloatArray, IntArray
from job.data.postgres import Connection, translate_errors
from job.data.timestamps import to_milliseconds, to_timestamp
from job.errors import DataError
from job.intervals import format_utc

# On another type of CPU the same model and bar give the same probability to five digits, and so the same signal.
TOLERANCE = 1e-5

_INSERT = """
    INSERT INTO signals (model, venue, symbol, open_time, available_at, probability, side, size, reason)
    VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s)
    ON CONFLICT (model, venue, symbol, open_time) DO NOTHING"""
_ROW = """
    SELECT probability, side, size, reason FROM signals
    WHERE model = %s AND venue = %s AND symbol = %s AND open_time = %s"""
_LAST = "SELECT max(open_time) FROM signals WHERE model = %s AND venue = %s AND symbol = %s"
_SINCE = """
    SELECT open_time, probability, side, created_at - available_at >= available_at - open_time, reason FROM signals
    WHERE model = %s AND venue = %s AND symbol = %s AND available_at > %s
    ORDER BY open_time"""
_NUM_SINCE = "SELECT count(*) FROM signals WHERE model = %s AND venue = %s AND symbol = %s AND available_at > %s"


@dataclass(frozen=True, kw_only=True)
class SignalKey:
    """Whose signals, and of which market."""

    model: str
    venue: str
    symbol: str


@dataclass(frozen=True, kw_only=True)
class Signal:
    """What a model says of one closed bar.

    Parameters
    ----------
    open_ms, available_at_ms : open and close of the bar, UTC milliseconds.
    probability : of up; None where the bar has no features.
    side : 1, 0 or -1, the position wanted from the close on.
    size : of an entry at this close, in multiples of the account.
    reason : why no position is wanted; None exactly where one is.
    """

    open_ms: int
    available_at_ms: int
    probability: float | None
    side: int
    size: float
    reason: str | None


@dataclass(frozen=True, kw_only=True)
class StoredSignals:
    """Signals of one model in order of time.

    Parameters
    ----------
    open_time : int64 (n,), open of each bar, milliseconds UTC.
    probability : float64 (n,), NaN where the bar had no features.
    side : int8 (n,), position that was wanted.
    is_late : bool (n,), written after the next bar had closed.
    reason : length n, why no position was wanted, or None.
    """

    open_time: IntArray
    probability: FloatArray
    side: NDArray[np.int8]
    is_late: BoolArray
    reason: tuple[str | None, ...]

    def __len__(self) -> int:
        return len(self.open_time)


@translate_errors()
def write_signal(connection: Connection, key: SignalKey, signal: Signal) -> bool:
    """Store a signal unless it is stored; returns whether it was added.

    Raises
    ------
    DataError
        When the model said something else of this bar before; that stays.
    """
    moment = to_timestamp(signal.open_ms)
    name = [key.model, key.venue, key.symbol, moment]
    said = [signal.probability, signal.side, signal.size, signal.reason]
    added = connection.execute(_INSERT, [*name, to_timestamp(signal.available_at_ms), *said]).rowcount
    if added:
        return True
    stored = connection.execute(_ROW, name).fetchone()
    assert stored is not None
    if not _is_same(stored, said):
        raise DataError(
            f"Of {key.symbol} ({key.venue}) at {format_utc(signal.open_ms)} UTC model {key.model} said "
            f"{_words(stored)}, and would now say {_words(said)}; what was said stays.",
            remedy="Find out what changed: bars that came late or were mended, or another version of this program.",
        )
    return False


@translate_errors()
def last_signal_ms(connection: Connection, key: SignalKey) -> int | None:
    """Open of the newest bar that has a signal; None where there is none."""
    row = connection.execute(_LAST, [key.model, key.venue, key.symbol]).fetchone()
    assert row is not None
    return None if row[0] is None else to_milliseconds(row[0])


@translate_errors()
def read_signals(connection: Connection, key: SignalKey, *, after_ms: int) -> StoredSignals:
    """The signals of bars that closed after ``after_ms``, ascending; possibly none."""
    rows = connection.execute(_SINCE, [key.model, key.venue, key.symbol, to_timestamp(after_ms)]).fetchall()
    return StoredSignals(
        open_time=np.array([to_milliseconds(row[0]) for row in rows], dtype=np.int64),
        probability=np.array([np.nan if row[1] is None else row[1] for row in rows], dtype=np.float64),
        side=np.array([row[2] for row in rows], dtype=np.int8),
        is_late=np.array([row[3] for row in rows], dtype=np.bool_),
        reason=tuple(row[4] for row in rows),
    )


@translate_errors()
def num_signals(connection: Connection, key: SignalKey, *, after_ms: int) -> int:
    """How many signals `read_signals` would read."""
    row = connection.execute(_NUM_SINCE, [key.model, key.venue, key.symbol, to_timestamp(after_ms)]).fetchone()
    assert row is not None
    return int(row[0])


def _is_same(stored: Sequence[object], said: Sequence[object]) -> bool:
    """Whether two rows are equal: words and sides exactly, numbers to what another CPU may change."""
    if (stored[1], stored[3]) != (said[1], said[3]):
        return False
    pairs = [(stored[0], said[0]), (stored[2], said[2])]
    return all(_is_near(one, other) for one, other in pairs)


def _is_near(one: object, other: object) -> bool:
    if one is None or other is None:
        return one is other
    assert isinstance(one, float) and isinstance(other, float)
    return abs(one - other) <= TOLERANCE * max(1.0, abs(one))


def _words(said: Sequence[object]) -> str:
    probability, side, _, reason = said
    return f"probability {probability}, side {side}" + ("" if reason is None else f" ({reason})")
