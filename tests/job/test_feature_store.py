import numpy as np
import pytest

from job.data.feature_rows import FeatureRows
from job.data.feature_table import read_features
from job.data.klines import Klines
from job.data.postgres import Connection, connect
from job.errors import NoDataError
from job.feature_store import FeatureUpdate, feature_record, update_features
from job.features.definition import MAX_LOOKBACK_MS
from job.intervals import DAY_MS
from job.settings.procedure import FeatureSettings
from tests.support.small_run import BAR_MS, END_MS, KEY, MARKET, small_markets, store_klines

SETTINGS = FeatureSettings()
ROWS_A_DAY = DAY_MS // BAR_MS


def store_until(connection: Connection, end_ms: int, *, num_days: int = 5) -> None:
    """Bars of the last days, up to a moment."""
    store_klines(connection, {s: k.between(0, end_ms) for s, k in small_markets(num_days).items()})


def rows(connection: Connection) -> FeatureRows:
    """All stored rows."""
    identity = feature_record(MARKET, SETTINGS).identity
    return read_features(connection, KEY, identity, start_ms=0, end_ms=END_MS + DAY_MS)


def update(connection: Connection) -> FeatureUpdate:
    """Bring the rows up to date."""
    return update_features(connection, MARKET, SETTINGS)


def test_update_in_two_steps_is_one_update(database: str, empty_database: str, small_market: str) -> None:
    """Rows that were built day by day have the bits of those that were built at once, and none is built twice."""
    with connect(database) as connection:
        store_until(connection, END_MS - DAY_MS + 7 * BAR_MS)
        first = update(connection)
        assert first.num_added == ROWS_A_DAY + 7 + 1
        assert update(connection).num_added == 0
        store_until(connection, END_MS)
        second = update(connection)
        assert second.num_added == ROWS_A_DAY - 7
        assert (second.identity, second.num_columns) == (first.identity, len(rows(connection).names))
        assert (second.first_open_ms, second.last_open_ms) == (first.first_open_ms, END_MS - BAR_MS)
        found = rows(connection)
    with connect(small_market) as connection:
        whole = rows(connection).between(found.open_time[0], END_MS)
    later = found.open_time >= found.open_time[0] + DAY_MS  # the first day knows how little came before it
    assert found.values[later].tobytes() == whole.values[later].tobytes()


def test_older_bars_that_come_later_get_their_rows(database: str) -> None:
    """History is extended at its beginning too; rows that were stored stay as they were."""
    with connect(database) as connection:
        store_until(connection, END_MS, num_days=5)
        before = update(connection)
        stored = rows(connection)
        store_until(connection, END_MS, num_days=7)
        after = update(connection)
        assert after.num_added == 2 * ROWS_A_DAY
        assert after.first_open_ms == before.first_open_ms - 2 * DAY_MS
        assert update(connection).num_added == 0
        found = rows(connection)
    assert np.array_equal(np.diff(found.open_time), np.full(len(found) - 1, BAR_MS))
    assert found.open_time[0] + BAR_MS - MAX_LOOKBACK_MS == END_MS - 7 * DAY_MS
    assert found.values[found.open_time >= before.first_open_ms].tobytes() == stored.values.tobytes()


def test_older_bars_of_one_market_alone_wait_for_the_others(database: str) -> None:
    """A row needs every market: nothing is built before the context reaches as far back."""
    longer = small_markets(7)
    with connect(database) as connection:
        store_until(connection, END_MS, num_days=5)
        before = update(connection)
        store_klines(connection, {KEY.symbol: longer.pop(KEY.symbol)})
        assert update(connection).num_added == 0
        store_klines(connection, longer)
        assert update(connection).first_open_ms == before.first_open_ms - 2 * DAY_MS


@pytest.mark.parametrize("missing", ["SYNUSDT", "SYNETH"])
def test_market_without_klines_is_named(database: str, missing: str) -> None:
    """The traded market or one of its context: the sentence says which, and what collects both."""
    markets: dict[str, Klines] = small_markets(4)
    del markets[missing]
    with connect(database) as connection:
        store_klines(connection, markets)
        with pytest.raises(NoDataError, match=f"no klines of {missing} 15m") as caught:
            update(connection)
    flags = "--symbol SYNUSDT --interval 15m --context SYNBTC,SYNETH --venue synthetic"
    assert f"`lorentzian collect {flags}`" in caught.value.remedy


def test_too_few_klines_for_a_row_say_so(database: str) -> None:
    """Two days are less than what features look back."""
    with connect(database) as connection:
        store_until(connection, END_MS, num_days=2)
        with pytest.raises(NoDataError, match=r"192 klines of SYNUSDT 15m .* are too few"):
            update(connection)
