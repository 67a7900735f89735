"""What a window holds in memory: its own days, however many others the database has."""

import tracemalloc
from pathlib import Path

import pytest

from job.data.postgres import connect
from job.data.synthetic import synthetic_markets
from job.execution.window_attempt import attempt_window
from job.feature_store import update_features
from job.intervals import DAY_MS
from job.settings.procedure import FeatureSettings
from tests.support.small_run import END_MS, INTERVAL, KLINE_DAYS, MARKET, open_small_run, small_settings, store_klines

HISTORY_DAYS = 12 * KLINE_DAYS


@pytest.mark.slow
def test_memory_of_a_window_does_not_depend_on_the_history(database: str, tmp_path: Path) -> None:
    """Twelve times as many days in the database, and the same window takes the same bytes, within a twentieth."""
    markets = synthetic_markets("edge", seed=5, interval=INTERVAL, num_days=HISTORY_DAYS, last_close_ms=END_MS)
    peaks = []
    for num_days in (KLINE_DAYS, KLINE_DAYS, HISTORY_DAYS):  # the first fills what is filled once in a process
        with connect(database) as connection:
            first_ms = END_MS - num_days * DAY_MS
            store_klines(connection, {symbol: bars.between(first_ms, END_MS) for symbol, bars in markets.items()})
            update_features(connection, MARKET, FeatureSettings())
        run = open_small_run(small_settings(tmp_path, run_id=f"run-{len(peaks)}"), database)
        tracemalloc.start()
        attempt_window(run, 2, max_attempts=1)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[2] < 1.05 * peaks[1]
