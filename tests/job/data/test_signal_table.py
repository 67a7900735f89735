from dataclasses import replace

import numpy as np
import pytest
from psycopg import errors

from job.data.postgres import Connection, connect
from job.data.signal_table import Signal, SignalKey, last_signal_ms, num_signals, read_signals, write_signal
from job.errors import DataError
from job.intervals import MINUTE_MS

KEY = SignalKey(model="0123456789abcdef", venue="binance-perp", symbol="SOLUSDT")
BAR_MS = 5 * MINUTE_MS
START_MS = 1_764_547_200_000  # 2025-12-01 00:00 UTC
LONG = Signal(open_ms=START_MS, available_at_ms=START_MS + BAR_MS, probability=0.1 + 0.2, side=1, size=0.5, reason=None)
FLAT = Signal(
    open_ms=START_MS + BAR_MS,
    available_at_ms=START_MS + 2 * BAR_MS,
    probability=None,
    side=0,
    size=0.0,
    reason="warm_up",
)


def set_written(connection: Connection, open_ms: int, written_ms: int) -> None:
    """Say when a signal was written, which the database does by itself."""
    connection.execute(
        "UPDATE signals SET created_at = to_timestamp(%s / 1000.0) WHERE open_time = to_timestamp(%s / 1000.0)",
        [written_ms, open_ms],
    )


def test_signals_come_back_as_they_were_said(database: str) -> None:
    """To the bit, in order, of bars that closed later; of other models and symbols there are none."""
    with connect(database) as connection:
        assert last_signal_ms(connection, KEY) is None
        assert [write_signal(connection, KEY, signal) for signal in (FLAT, LONG)] == [True, True]
        found = read_signals(connection, KEY, after_ms=0)
        for other in (replace(KEY, model="f" * 16), replace(KEY, symbol="BTCUSDT"), replace(KEY, venue="other")):
            assert len(read_signals(connection, other, after_ms=0)) == num_signals(connection, other, after_ms=0) == 0
        assert last_signal_ms(connection, KEY) == FLAT.open_ms
        later = read_signals(connection, KEY, after_ms=LONG.available_at_ms)
        counted = [num_signals(connection, KEY, after_ms=after_ms) for after_ms in (0, LONG.available_at_ms)]
    assert counted == [2, 1]
    assert found.open_time.tolist() == [LONG.open_ms, FLAT.open_ms]
    assert found.probability[0] == 0.1 + 0.2 and np.isnan(found.probability[1])
    assert found.side.tolist() == [1, 0]
    assert found.reason == (None, "warm_up")
    assert later.open_time.tolist() == [FLAT.open_ms]


def test_signal_is_late_once_the_next_bar_has_closed(database: str) -> None:
    """Until then it could be followed."""
    with connect(database) as connection:
        for signal in (LONG, FLAT):
            write_signal(connection, KEY, signal)
        set_written(connection, LONG.open_ms, LONG.available_at_ms + BAR_MS - 1)
        set_written(connection, FLAT.open_ms, FLAT.available_at_ms + BAR_MS)
        assert read_signals(connection, KEY, after_ms=0).is_late.tolist() == [False, True]


def test_same_signal_again_changes_nothing(database: str) -> None:
    """Nor does one that differs by what another CPU would make of it: the first stands."""
    with connect(database) as connection:
        write_signal(connection, KEY, LONG)
        before = connection.execute("SELECT * FROM signals").fetchall()
        assert not write_signal(connection, KEY, LONG)
        assert not write_signal(connection, KEY, replace(LONG, probability=0.3 + 9e-6))
        assert connection.execute("SELECT * FROM signals").fetchall() == before


@pytest.mark.parametrize(
    "other",
    [
        replace(LONG, probability=0.31),
        replace(LONG, side=-1),
        replace(LONG, size=0.6),
        replace(LONG, side=0, size=0.0, reason="novel"),
        replace(LONG, probability=None),
    ],
)
def test_what_was_said_is_never_said_otherwise(database: str, other: Signal) -> None:
    """Another answer for the same model and bar is refused with both, and what was said stays."""
    with connect(database) as connection:
        write_signal(connection, KEY, LONG)
        with pytest.raises(DataError, match=r"2025-12-01 00:00 UTC model 0123456789abcdef said probability 0\.3"):
            write_signal(connection, KEY, other)
        assert read_signals(connection, KEY, after_ms=0).probability.tolist() == [0.1 + 0.2]


@pytest.mark.parametrize(
    "wrong",
    [
        replace(LONG, side=2),
        replace(LONG, probability=1.5),
        replace(LONG, side=0),
        replace(LONG, reason="novel"),
        replace(LONG, size=-1.0),
        replace(LONG, available_at_ms=START_MS),
    ],
)
def test_table_refuses_what_is_no_signal(database: str, wrong: Signal) -> None:
    """A reason stands exactly where no position is wanted, and numbers are in their ranges."""
    with connect(database) as connection, pytest.raises(errors.CheckViolation):
        write_signal(connection, KEY, wrong)
