import numpy as np
import pytest

from job.data.outside_series import OutsideSeries, SeriesKey, funding_key
from job.data.postgres import connect
from job.data.series_table import read_series, write_series
from job.errors import DataError
from job.intervals import HOUR_MS
from tests.support.stored_data import MARKET, START_MS

KEY = funding_key(MARKET)


def make_funding(num_events: int = 6, *, late_ms: int = 0) -> OutsideSeries:
    """Funding each eight hours, a few milliseconds after the full hour."""
    event_time = START_MS + 8 * HOUR_MS * np.arange(num_events, dtype=np.int64) + 3
    value = np.random.default_rng(1).normal(1e-4, 1e-4, num_events)
    return OutsideSeries(event_time=event_time, available_at=event_time + late_ms, value=value)


def test_series_come_back_to_the_bit(database: str) -> None:
    """Half-open in time; writing again adds nothing; other names and sources are apart."""
    series = make_funding()
    with connect(database) as connection:
        assert write_series(connection, KEY, series) == 6
        assert write_series(connection, KEY, series) == 0
        found = read_series(connection, KEY, start_ms=int(series.event_time[1]), end_ms=int(series.event_time[4]))
        for other in (SeriesKey(source="other", name=KEY.name), SeriesKey(source=KEY.source, name="other")):
            assert len(read_series(connection, other, start_ms=0, end_ms=2 * START_MS)) == 0
    for name in ("event_time", "available_at", "value"):
        assert getattr(found, name).tobytes() == getattr(series, name)[1:4].tobytes()
    assert str(KEY) == "funding:SOLUSDT (binance-perp)"


def test_revision_stands_beside_what_it_corrects(database: str) -> None:
    """The value that was known last is read; both rows stay."""
    series = make_funding()
    revised = OutsideSeries(
        event_time=series.event_time[2:3], available_at=series.event_time[2:3] + HOUR_MS, value=np.array([0.5])
    )
    with connect(database) as connection:
        write_series(connection, KEY, revised)
        write_series(connection, KEY, series)
        found = read_series(connection, KEY, start_ms=0, end_ms=2 * START_MS)
        stored = connection.execute("SELECT count(*) FROM series").fetchone()
    assert len(found) == 6
    assert found.value[2] == 0.5
    assert stored == (7,)


def test_stored_event_is_never_rewritten(database: str) -> None:
    """Another value known at the same time is refused, with both values, and nothing of it is written."""
    series = make_funding()
    with connect(database) as connection:
        write_series(connection, KEY, series)
        longer = make_funding(8)
        changed = OutsideSeries(event_time=longer.event_time, available_at=longer.available_at, value=longer.value + 1)
        with pytest.raises(DataError, match="is stored with"):
            write_series(connection, KEY, changed)
        assert len(read_series(connection, KEY, start_ms=0, end_ms=2 * START_MS)) == 6


@pytest.mark.parametrize(
    ("column", "row", "value", "reason"),
    [
        ("value", 2, np.nan, "finite"),
        ("available_at", 3, START_MS, "before it happened"),
        ("event_time", 4, START_MS + 3, "ascend"),
    ],
)
def test_event_that_is_none_is_refused(database: str, column: str, row: int, value: float, reason: str) -> None:
    """Its time and its fault are named."""
    series = make_funding(late_ms=1)
    getattr(series, column)[row] = value
    with connect(database) as connection, pytest.raises(DataError, match=f"funding:SOLUSDT.*{reason}"):
        write_series(connection, KEY, series)
