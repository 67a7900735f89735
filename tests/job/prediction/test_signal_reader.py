import pytest

from job.data.postgres import connect
from job.data.signal_table import Signal, SignalKey, read_signals, write_signal
from job.intervals import MINUTE_MS
from job.prediction import signal_reader
from job.prediction.signal_reader import SignalReader

KEY = SignalKey(model="0123456789abcdef", venue="binance-perp", symbol="SOLUSDT")
BAR_MS = 5 * MINUTE_MS
START_MS = 1_764_547_200_000  # 2025-12-01 00:00 UTC


def signal_of(number: int) -> Signal:
    """Something else of each bar."""
    open_ms = START_MS + number * BAR_MS
    is_silent = number % 3 == 0
    return Signal(
        open_ms=open_ms,
        available_at_ms=open_ms + BAR_MS,
        probability=None if is_silent else number / 10,
        side=0 if is_silent else (-1) ** number,
        size=0.0 if is_silent else 0.5,
        reason="warm_up" if is_silent else None,
    )


def test_reader_that_keeps_signals_reads_what_one_without_memory_reads(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Bar after bar, when a bar is forecast after a later one, and when signals are gone; in order only what is new."""
    after_ms, asked = START_MS + BAR_MS, []
    reader = SignalReader(key=KEY, after_ms=after_ms, bar_ms=BAR_MS)

    def read(connection: object, key: SignalKey, *, after_ms: int) -> object:
        asked.append((after_ms - START_MS) // BAR_MS)
        return read_signals(connection, key, after_ms=after_ms)  # type: ignore[arg-type]

    monkeypatch.setattr(signal_reader, "read_signals", read)
    with connect(database) as connection:

        def asked_for(*numbers: int) -> list[int]:
            for number in numbers:
                write_signal(connection, KEY, signal_of(number))
            asked.clear()
            found, expected = reader.read(connection), read_signals(connection, KEY, after_ms=after_ms)
            for column in ("open_time", "probability", "side", "is_late"):
                assert getattr(found, column).tobytes() == getattr(expected, column).tobytes()
                assert getattr(found, column).dtype == getattr(expected, column).dtype
            assert found.reason == expected.reason
            return asked.copy()

        assert asked_for() == [1]
        assert asked_for(0, 1, 2) == [1]
        assert asked_for(3, 5) == [3]
        assert asked_for() == [6]
        assert asked_for(4, 6) == [6, 1]
        connection.execute("DELETE FROM signals WHERE probability = 0.5")
        assert asked_for(7) == [7, 1]
