"""Tests of the walk-forward in memory."""

from pathlib import Path

from job.artifacts.stored_records import parse_record
from job.records import WindowRecord
from job.rehearsal import rehearse
from job.window_results import read_series
from tests.support.same_bars import assert_same_bars
from tests.support.small_run import INTERVAL, open_small_run, run_all, small_markets, small_settings


def test_rehearsal_finds_what_a_real_run_finds(small_market: str, tmp_path: Path) -> None:
    """Windows, choices, forecasts and measures are those that database and store give."""
    run = open_small_run(small_settings(tmp_path), small_market)
    run_all(run)
    rehearsal = rehearse(small_markets(), run.plan.procedure)
    assert rehearsal.plan.windows == run.plan.windows
    for index, rehearsed in enumerate(rehearsal.windows()):
        metrics, series = (run.store.get(key) for key in (run.keys.window_metrics(index), run.keys.series(index)))
        assert metrics is not None and series is not None
        record = parse_record(WindowRecord, metrics.data, where="metrics")
        assert rehearsed.record == record.model_copy(update={"drift": None})  # which a rehearsal does not measure
        stored = read_series(series.data, interval=INTERVAL, where="series")
        assert_same_bars(rehearsed.series.klines, stored.klines)
        for name, probability in stored.probability.items():
            assert rehearsed.series.probability[name].tobytes() == probability.tobytes()
            assert rehearsed.series.position[name].tobytes() == stored.position[name].tobytes()
