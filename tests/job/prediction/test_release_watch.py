from pathlib import Path

import numpy as np
import pytest

from job.artifacts.keys import ModelKeys
from job.artifacts.stored_records import parse_record
from job.data.kline_table import read_klines, write_klines
from job.data.postgres import connect
from job.data.signal_table import read_signals
from job.intervals import DAY_MS
from job.prediction import release_watch
from job.prediction.forecasting import Forecaster
from job.prediction.model_source import FoundModel, current_model
from job.prediction.promoting import Occasion, promote_run
from job.prediction.release_watch import ReleaseWatch, watch_release
from job.records import SinceReleaseRecord
from job.report.stored_run import open_stored_run
from job.rules import make_bars, trading_rules
from job.run.run import Run
from job.signals import trade
from tests.support.small_run import BAR_MS, END_MS, KEY, RUN_ID, copied

MARKET = ModelKeys(venue=KEY.venue, symbol=KEY.symbol, interval=KEY.interval)
NUM_BARS = 20
RELEASED_MS = END_MS - NUM_BARS * BAR_MS


@pytest.fixture
def run(finalized_run: Run, tmp_path: Path) -> Run:
    """A finalized run in a folder of its own, promoted twenty bars before the last."""
    run = copied(finalized_run, tmp_path)
    promote_run(run.store, run.ledger, RUN_ID, Occasion(by="anna", why="", when="always", now_ms=RELEASED_MS))
    return run


def watch_of(run: Run) -> tuple[ReleaseWatch, FoundModel]:
    """Whoever watches it, and the model."""
    found = current_model(run.store, MARKET)
    assert found.current is not None
    watch = watch_release(run.store, found.current, found.model)
    assert watch is not None
    return watch, found


def stored_record(run: Run) -> SinceReleaseRecord:
    """What lies in the store."""
    stored = run.store.get(MARKET.since_release)
    assert stored is not None
    return parse_record(SinceReleaseRecord, stored.data, where="since_release.json")


def test_record_tells_what_the_signals_since_the_release_came_to(run: Run, small_database: str) -> None:
    """Of bars that closed after it and no others, by the engine of the tests, beside what the tests came to."""
    watch, found = watch_of(run)
    forecaster = Forecaster.of(found, num_neighbours=0)
    with connect(small_database) as connection:
        nothing = watch.record(connection, now_ms=END_MS)
        assert (nothing.num_bars, nothing.state, nothing.day_ms) == (0, "unknown", ())
        for open_ms in range(RELEASED_MS - 3 * BAR_MS, END_MS, BAR_MS):
            forecaster.forecast(connection, open_ms)
        record = watch.record(connection, now_ms=END_MS + 7)
        signals = read_signals(connection, forecaster.signal_key, after_ms=RELEASED_MS)
        klines = read_klines(connection, KEY, start_ms=RELEASED_MS - DAY_MS, end_ms=END_MS)
    assert record == stored_record(run)
    assert (record.released_at_ms, record.updated_at_ms) == (RELEASED_MS, END_MS + 7)
    assert (record.first_open_ms, record.last_open_ms) == (RELEASED_MS, END_MS - BAR_MS)
    assert record.num_bars == record.num_forecasts == len(signals) == NUM_BARS
    assert record.num_late == NUM_BARS  # they are of last year
    assert sum(record.abstentions.values()) == int((signals.side == 0).sum())
    procedure = found.model.procedure
    bars = make_bars(klines, procedure).between(RELEASED_MS, END_MS)
    account = trade(bars, signals.probability, found.model.thresholds, trading_rules(procedure))
    assert record.equity[-1] == pytest.approx(account.equity[-1])
    summary = open_stored_run(run.store, RUN_ID).summary()
    assert record.expected == summary.models[summary.traded_model].measures
    assert (record.run_id, record.verdict, record.model) == (RUN_ID, "no evidence", found.model.identity)
    # Three days were tested, and an expectation takes sixty.
    assert (record.band, record.band_reason, record.state, record.is_alert) == (None, "too_short", "unknown", False)
    assert record.drift is None


def test_watch_that_lives_on_records_what_one_that_starts_anew_does(run: Run, small_database: str) -> None:
    """After every bar; also when a bar of the market came late, and one was forecast after those behind it."""
    watch, found = watch_of(run)
    forecaster = Forecaster.of(found, num_neighbours=0)
    late_ms, skipped_ms = RELEASED_MS + 6 * BAR_MS, RELEASED_MS + 9 * BAR_MS

    def compare() -> SinceReleaseRecord:
        record = watch.record(connection, now_ms=END_MS)
        assert record == watch_of(run)[0].record(connection, now_ms=END_MS)
        return record

    with connect(small_database) as connection:
        late = read_klines(connection, KEY, start_ms=late_ms, end_ms=late_ms + BAR_MS)
        connection.execute("DELETE FROM klines WHERE open_time = to_timestamp(%s)", [late_ms / 1000])
        for open_ms in range(RELEASED_MS, END_MS, BAR_MS):
            if open_ms not in (late_ms, skipped_ms):
                forecaster.forecast(connection, open_ms)
                before = compare()
        write_klines(connection, KEY, late)
        forecaster.forecast(connection, skipped_ms)
        after = compare()
    assert (before.num_bars, before.num_forecasts) == (NUM_BARS - 1, NUM_BARS - 2)
    assert (after.num_bars, after.num_forecasts) == (NUM_BARS, NUM_BARS - 1)


def test_account_outside_what_was_expected_is_an_alert(run: Run, small_database: str) -> None:
    """Beside tests that went far better, today's account lies below the band of as many days."""
    watch, found = watch_of(run)
    watch.tested = np.full(60, 0.2)
    forecaster = Forecaster.of(found, num_neighbours=0)
    with connect(small_database) as connection:
        for open_ms in range(RELEASED_MS, END_MS, BAR_MS):
            forecaster.forecast(connection, open_ms)
        record = watch.record(connection, now_ms=END_MS)
    assert record.band is not None
    assert len(record.band.low) == len(record.equity) == 1
    assert record.band.low == record.band.high == pytest.approx((1.2,))
    assert (record.state, record.is_alert, record.band_reason) == ("below", True, None)
    assert "is not what was tested" in record.sentence


def test_drift_is_measured_once_a_day_after_a_whole_test_span(
    finalized_run: Run, small_database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The last day of bars against the training days, and by name what gives it away."""
    run = copied(finalized_run, tmp_path)
    released_ms = END_MS - DAY_MS - 2 * BAR_MS
    promote_run(run.store, run.ledger, RUN_ID, Occasion(by="anna", why="", when="always", now_ms=released_ms))
    watch, found = watch_of(run)
    forecaster = Forecaster.of(found, num_neighbours=0)
    with connect(small_database) as connection:
        for open_ms in (released_ms, END_MS - BAR_MS):
            forecaster.forecast(connection, open_ms)
        drift = watch.record(connection, now_ms=END_MS).drift
        assert drift is not None
        assert drift.day_ms == END_MS - DAY_MS
        assert drift.auc.value is not None and 0.5 <= drift.auc.value <= 1
        assert drift.percentile.reason == "too_few_windows"
        assert set(drift.drifting_features) <= set(found.model.feature_names)
        monkeypatch.setattr(release_watch, "release_drift", lambda *_: pytest.fail("it was measured again"))
        assert watch.record(connection, now_ms=END_MS + 1).drift == drift


def test_record_of_a_later_release_is_not_written_over(run: Run, small_database: str) -> None:
    """A follower that has not heard of the promotion yet leaves its record alone."""
    watch, _ = watch_of(run)
    later = watch.current.model_copy(update={"promoted_at_ms": RELEASED_MS + 1})
    newer = ReleaseWatch(
        store=run.store, current=later, model=watch.model, plan=watch.plan, summary=watch.summary, tested=watch.tested
    )
    with connect(small_database) as connection:
        written = newer.record(connection, now_ms=END_MS)
        watch.record(connection, now_ms=END_MS + 5)
    assert stored_record(run) == written


def test_model_whose_run_is_gone_is_used_and_not_watched(run: Run) -> None:
    """Its forecasts need no run; what they were expected to come to does."""
    found = current_model(run.store, MARKET)
    assert found.current is not None
    run.store.delete(run.keys.plan)
    assert watch_release(run.store, found.current, found.model) is None
