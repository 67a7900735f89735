import hashlib

import numpy as np
import pytest

from job.data.digests import day_digests
from job.data.feature_table import write_features
from job.data.kline_table import write_klines
from job.data.outside_series import OutsideSeries, SeriesKey, funding_key
from job.data.postgres import Connection, connect
from job.data.series_table import write_series
from job.intervals import DAY_MS
from tests.support.stored_data import MARKET, START_MS, make_bars, make_feature_rows, make_feature_set

RECORD = make_feature_set(3)
DAYS = ["2025-07-04", "2025-07-05", "2025-07-06"]


def fill(connection: Connection) -> None:
    """Three full days, of which the first has no feature rows."""
    write_klines(connection, MARKET, make_bars(3 * 288))
    write_features(connection, MARKET, RECORD, make_feature_rows(2 * 288, 3, start_ms=START_MS + DAY_MS))


def digests(
    connection: Connection, *, start_ms: int = START_MS - DAY_MS, end_ms: int = START_MS + 5 * DAY_MS
) -> dict[str, str]:
    """The digests of a span that is wider than the data, unless told."""
    return day_digests(connection, MARKET, RECORD.identity, start_ms=start_ms, end_ms=end_ms)


def test_day_digests_name_the_days_that_have_data(database: str) -> None:
    """Days without data are absent; equal data give equal digests whatever the session's time zone."""
    with connect(database) as connection:
        fill(connection)
        first = digests(connection)
        connection.execute("SET TIME ZONE 'Asia/Tokyo'")
        assert digests(connection) == first
    assert list(first) == DAYS
    assert len(set(first.values())) == len(DAYS)


def test_day_digests_know_their_bytes(database: str) -> None:
    """A digest is sha256 over the sha256 of the bars and of the rows in big-endian bytes, as numpy writes them."""
    with connect(database) as connection:
        fill(connection)
        found = digests(connection)[DAYS[0]]
    bars = make_bars(3 * 288).select(slice(0, 288))
    times = (np.stack([bars.open_time, bars.available_at], axis=1) - 946_684_800_000) * 1000
    prices = np.stack([bars.open, bars.high, bars.low, bars.close, bars.volume], axis=1)
    stream = b"".join(t.astype(">i8").tobytes() + p.astype(">f8").tobytes() for t, p in zip(times, prices, strict=True))
    parts = hashlib.sha256(stream).digest() + hashlib.sha256(b"").digest()
    assert found == hashlib.sha256(parts).hexdigest()


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE klines SET volume = volume * (1 + 1e-15::float8)",
        "UPDATE klines SET open = open * (1 + 1e-15::float8)",
        "UPDATE klines SET available_at = available_at + interval '1 ms'",
        "DELETE FROM klines",
        "UPDATE features SET values[3] = values[3] * (1 + 1e-7::real)",
        "UPDATE features SET values = values[1:2]",
        "DELETE FROM features",
    ],
)
def test_day_digests_change_with_any_value_of_that_day_alone(database: str, change: str) -> None:
    """The last bit of one number changes its day's digest and no other."""
    with connect(database) as connection:
        fill(connection)
        before = digests(connection)
        connection.execute(f"{change} WHERE open_time = '2025-07-05 12:00Z'")
        after = digests(connection)
    assert [day for day in DAYS if before[day] != after[day]] == ["2025-07-05"]


def test_day_digests_leave_out_other_markets_and_sets(database: str) -> None:
    """Only the asked symbol and feature set count, and only the asked span."""
    with connect(database) as connection:
        fill(connection)
        before = digests(connection)
        connection.execute(
            "INSERT INTO klines SELECT venue, 'BTCUSDT', interval, open_time, available_at, 1, 1, 1, 1, 1 FROM klines"
        )
        write_features(connection, MARKET, make_feature_set(3, identity="other-0"), make_feature_rows(288, 3))
        assert digests(connection) == before
        part = digests(connection, start_ms=START_MS + DAY_MS, end_ms=START_MS + 2 * DAY_MS)
    assert part == {DAYS[1]: before[DAYS[1]]}


def test_day_digests_cover_the_funding_of_the_market(database: str) -> None:
    """A changed, added or revised rate changes its day alone, unless funding is left out; other series do not count."""
    due = START_MS + DAY_MS * np.arange(3, dtype=np.int64) + 5
    rates = OutsideSeries(event_time=due, available_at=due, value=np.full(3, 1e-4))
    revision = OutsideSeries(event_time=due[1:2], available_at=due[1:2] + 1, value=np.array([2e-4]))
    with connect(database) as connection:
        fill(connection)
        without = digests(connection)
        write_series(connection, SeriesKey(source="elsewhere", name="funding:SOLUSDT"), rates)
        assert digests(connection) == without
        write_series(connection, funding_key(MARKET), rates)
        funded = digests(connection)
        assert all(funded[day] != without[day] for day in DAYS)
        write_series(connection, funding_key(MARKET), revision)
        revised = digests(connection)
        span = {"start_ms": START_MS, "end_ms": START_MS + 5 * DAY_MS}
        assert day_digests(connection, MARKET, RECORD.identity, **span, with_funding=False) == without
    assert [day for day in DAYS if revised[day] != funded[day]] == [DAYS[1]]
