from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from job.artifacts.folder import LocalStore
from job.artifacts.stored_records import parse_record, record_bytes
from job.data.outside_series import OutsideSeries, funding_key
from job.data.postgres import connect
from job.data.series_table import write_series
from job.errors import ConfigError, DataError, NoDataError
from job.execution.opening import procedure_of
from job.feature_store import feature_record, update_features
from job.intervals import DAY_MS, HOUR_MS
from job.records import PlanRecord, RunKind
from job.rules import LABEL_LOOKBACK_MS
from job.run.cuts import holdout_span
from job.run.plan import (
    check_unchanged,
    final_window,
    make_plan,
    publish_plan,
    read_plan,
    windows_of,
)
from job.settings.procedure import FeatureSettings
from job.windows import Span
from tests.support.small_run import (
    BAR_MS,
    DATA_DAYS,
    END_MS,
    KEY,
    KLINE_DAYS,
    MARKET,
    NUM_WINDOWS,
    RUN_ID,
    TEST_DAYS,
    TRAIN_DAYS,
    change_close,
    small_markets,
    small_settings,
    store_klines,
)

NOW_MS = END_MS + 5 * HOUR_MS
FIRST_TRAIN_MS = END_MS - DATA_DAYS * DAY_MS


def plan_of(
    conninfo: str,
    *,
    run_id: str | None = None,
    now_ms: int = NOW_MS,
    threads: int = 1,
    kind: RunKind = "walkforward",
    **changes: object,
) -> PlanRecord:
    """The plan of the small walk-forward with other settings."""
    settings = small_settings(Path("unused"), **changes)
    with connect(conninfo) as connection:
        return make_plan(
            connection,
            procedure_of(settings),
            feature_record(settings.market, settings.features),
            run_id=run_id,
            now_ms=now_ms,
            threads=threads,
            device="cpu",
            kind=kind,
        )


def refuse_changes(conninfo: str, plan: PlanRecord) -> list[bool]:
    """For each window, whether its data is refused as changed."""
    refused = []
    with connect(conninfo) as connection:
        for window in windows_of(plan):
            try:
                check_unchanged(connection, plan, window.span)
                refused.append(False)
            except DataError as error:
                assert "changed since the plan of 2025-12-01 05:00" in error.message
                assert "new run id" in error.remedy
                refused.append(True)
    return refused


def test_plan_cuts_windows_that_end_with_the_data(small_market: str) -> None:
    """Three windows of five and one day, the last test ending with the last bar; the stamp is the moment's."""
    plan = plan_of(small_market)
    assert [w.index for w in plan.windows] == list(range(NUM_WINDOWS))
    for window in windows_of(plan):
        assert window.test is not None
        assert window.test.end_ms == END_MS - (NUM_WINDOWS - 1 - window.index) * TEST_DAYS * DAY_MS
        assert window.test.end_ms - window.test.start_ms == TEST_DAYS * DAY_MS
        assert window.train == Span(start_ms=window.test.start_ms - TRAIN_DAYS * DAY_MS, end_ms=window.test.start_ms)
    assert (plan.end_ms, plan.stamp) == (END_MS, "20251201_050000")
    assert set(plan.versions) == {"python", "lorentzian-trainer", "numpy", "scikit-learn", "torch"}
    assert len(plan.day_digests) == (END_MS - FIRST_TRAIN_MS + LABEL_LOOKBACK_MS) / DAY_MS


def test_same_settings_and_data_give_the_same_plan(small_market: str) -> None:
    """Name and bytes are a function of settings and data; only the creation's own fields follow the clock."""
    first, second = plan_of(small_market), plan_of(small_market, now_ms=NOW_MS + HOUR_MS)
    own = {"created_at_ms": 0, "stamp": ""}
    assert record_bytes(first.model_copy(update=own)) == record_bytes(second.model_copy(update=own))
    assert first.run_id == second.run_id
    assert first.run_id.startswith("SYNUSDT-15m-20251130T2345-")
    assert len(first.run_id.rpartition("-")[2]) == 8
    assert parse_record(PlanRecord, record_bytes(first), where="plan.json") == first


@pytest.mark.parametrize("change", [{"fee_bps": 1.0}, {"seed": 1}, {"test_size": 2}, {"epochs": 3}], ids=str)
def test_other_settings_give_another_name(small_market: str, change: dict[str, object]) -> None:
    """Whatever decides results is in the name; how wide and where it runs is not."""
    name = plan_of(small_market).run_id
    assert plan_of(small_market, **change).run_id != name
    assert plan_of(small_market, threads=2).run_id == name


def test_name_follows_the_data_that_windows_read_and_no_other(small_database: str) -> None:
    """Bars and rows from before the first look back change nothing; the last bar looked back on does."""
    plan = plan_of(small_database)
    first_read_ms = FIRST_TRAIN_MS - LABEL_LOOKBACK_MS
    with connect(small_database) as connection:
        store_klines(connection, small_markets(KLINE_DAYS + 3))
        assert update_features(connection, MARKET, FeatureSettings()).num_added == 3 * DAY_MS // BAR_MS
    change_close(small_database, first_read_ms - BAR_MS)
    after = plan_of(small_database)
    assert (after.run_id, after.day_digests, after.windows) == (plan.run_id, plan.day_digests, plan.windows)
    assert refuse_changes(small_database, plan) == [False] * NUM_WINDOWS
    change_close(small_database, first_read_ms)
    assert plan_of(small_database).run_id != plan.run_id


def test_changed_bar_is_refused_by_the_windows_that_read_its_day(small_database: str) -> None:
    """Each window checks its own days, a day of look-back among them, and goes on where these are as planned."""
    plan = plan_of(small_database)
    assert refuse_changes(small_database, plan) == [False, False, False]
    change_close(small_database, plan.windows[0].train_start_ms - DAY_MS)
    assert refuse_changes(small_database, plan) == [True, False, False]
    change_close(small_database, plan.windows[1].test_end_ms)
    assert refuse_changes(small_database, plan) == [True, False, True]
    change_close(small_database, plan.windows[0].test_end_ms - BAR_MS)
    assert refuse_changes(small_database, plan) == [True, True, True]


def test_missing_and_late_data_are_changes_too(small_database: str) -> None:
    """A bar or a row that has gone, and one that came into the span, are noticed; one after the end is not."""
    with connect(small_database) as connection:
        missing_bar, missing_row = ([END_MS - hours * HOUR_MS] for hours in (30, 6))
        connection.execute("DELETE FROM klines WHERE open_time = to_timestamp(%s / 1000.0)", missing_bar)
        plan = plan_of(small_database)
        later = {name: replace(k, open_time=k.open_time + DAY_MS) for name, k in small_markets(1).items()}
        store_klines(connection, later)
        assert refuse_changes(small_database, plan) == [False, False, False]
        connection.execute("DELETE FROM features WHERE open_time = to_timestamp(%s / 1000.0)", missing_row)
        assert refuse_changes(small_database, plan) == [False, False, True]
        store_klines(connection, small_markets())
    assert refuse_changes(small_database, plan) == [False, True, True]


@pytest.mark.parametrize("market", ["spot", "perp"])
def test_funding_is_part_of_the_data_of_who_pays_it(small_database: str, market: str) -> None:
    """Funding that is imported later is another history of a perpetual, and nothing to a spot market."""
    plan = plan_of(small_database, market=market)
    due = np.arange(FIRST_TRAIN_MS - DAY_MS, END_MS, 8 * HOUR_MS, dtype=np.int64)
    with connect(small_database) as connection:
        rates = OutsideSeries(event_time=due, available_at=due, value=np.full(len(due), 1e-4))
        write_series(connection, funding_key(KEY), rates)
    is_paid = market == "perp"
    assert refuse_changes(small_database, plan) == [is_paid] * NUM_WINDOWS
    after = plan_of(small_database, market=market)
    assert (after.run_id != plan.run_id) is is_paid
    # Nobody trades before the first training span, so funding is not read there.
    assert after.day_digests[min(plan.day_digests)] == plan.day_digests[min(plan.day_digests)]


def test_first_to_publish_decides(small_market: str, tmp_path: Path) -> None:
    """A second plan of the same run with the same settings gives way, clock, threads and all."""
    store = LocalStore(tmp_path)
    first = publish_plan(store, plan_of(small_market, run_id=RUN_ID))
    second = publish_plan(store, plan_of(small_market, run_id=RUN_ID, now_ms=NOW_MS + HOUR_MS, threads=2))
    assert second == first == read_plan(store, RUN_ID)
    assert read_plan(store, "another") is None


def test_other_settings_under_the_same_name_are_refused_by_name(small_market: str, tmp_path: Path) -> None:
    """Code 78, with every setting that differs and both of its values."""
    store = LocalStore(tmp_path)
    publish_plan(store, plan_of(small_market, run_id=RUN_ID))
    with pytest.raises(ConfigError) as caught:
        publish_plan(store, plan_of(small_market, run_id=RUN_ID, fee_bps=1.0, test_size=2))
    assert caught.value.message == (
        "Run small was planned with other settings: fee-bps 5.0 (here 1.0), test-size 1 (here 2)."
    )


def test_run_of_another_kind_is_refused(small_market: str, tmp_path: Path) -> None:
    """A walk-forward and a basic training with equal settings never share a name, given or default."""
    store = LocalStore(tmp_path)
    same = {"window_size": 6, "test_size": 2}
    publish_plan(store, plan_of(small_market, run_id=RUN_ID, kind="training", **same))
    with pytest.raises(ConfigError, match="Run small is a basic training, and this would be a walk-forward") as caught:
        publish_plan(store, plan_of(small_market, run_id=RUN_ID, **same))
    assert "--run-id" in caught.value.remedy
    assert plan_of(small_market, **same).run_id != plan_of(small_market, kind="training", **same).run_id


def test_locked_days_are_read_by_nothing_in_the_plan(small_database: str) -> None:
    """Windows, final model and digests end before them, and whatever happens to them changes neither plan nor name."""
    plan = plan_of(small_database, holdout_days=1)
    start_ms = END_MS - DAY_MS
    assert holdout_span(plan) == Span(start_ms=start_ms, end_ms=END_MS)
    assert holdout_span(plan_of(small_database)) is None
    assert len(plan.windows) == NUM_WINDOWS - 1
    assert max(w.test_end_ms for w in plan.windows) == plan.end_ms == final_window(plan).train.end_ms == start_ms
    assert plan.windows[0].train_start_ms == FIRST_TRAIN_MS
    assert max(plan.day_digests) == "2025-11-29"
    change_close(small_database, start_ms + BAR_MS)
    after = plan_of(small_database, holdout_days=1)
    assert (after.run_id, after.day_digests) == (plan.run_id, plan.day_digests)
    assert refuse_changes(small_database, plan) == [False, False]
    with connect(small_database) as connection:
        check_unchanged(connection, plan, final_window(plan).span)
    change_close(small_database, start_ms - BAR_MS)
    assert plan_of(small_database, holdout_days=1).run_id != plan.run_id
    assert refuse_changes(small_database, plan) == [False, True]


def test_days_left_over_are_tested_on_request(small_market: str) -> None:
    """Eight days are windows of five and two and one day over; with a shorter first test that day is tested too."""
    whole = plan_of(small_market, test_size=2)
    reduced = plan_of(small_market, test_size=2, reduce_test=True)
    assert [(w.test_start_ms, w.test_end_ms) for w in reduced.windows[1:]] == [
        (w.test_start_ms, w.test_end_ms) for w in whole.windows
    ]
    first = windows_of(reduced)[0]
    assert first.train == Span(start_ms=FIRST_TRAIN_MS, end_ms=FIRST_TRAIN_MS + TRAIN_DAYS * DAY_MS)
    assert first.test == Span(start_ms=first.train.end_ms, end_ms=first.train.end_ms + DAY_MS)


def test_final_window_is_the_newest_training_span(small_market: str) -> None:
    """The last five days, with no test; every day so far where windows grow from one anchor."""
    rolling = final_window(plan_of(small_market))
    assert rolling.train == Span(start_ms=END_MS - TRAIN_DAYS * DAY_MS, end_ms=END_MS)
    assert rolling.test is None
    assert rolling.index == NUM_WINDOWS
    anchored = final_window(plan_of(small_market, anchored=True))
    assert anchored.train == Span(start_ms=FIRST_TRAIN_MS, end_ms=END_MS)


def test_one_cut_splits_the_newest_days(small_market: str) -> None:
    """Basic training: one window over all days, its test a fraction of them."""
    (window,) = windows_of(plan_of(small_market, window_size=6, test_size=2, kind="training"))
    assert window.train == Span(start_ms=FIRST_TRAIN_MS, end_ms=END_MS - 2 * DAY_MS)
    assert window.test == Span(start_ms=END_MS - 2 * DAY_MS, end_ms=END_MS)
    with pytest.raises(NoDataError, match=r"There are 8\.0 days with features, and 12 were asked for"):
        plan_of(small_market, data_days=12, window_size=10, test_size=2, kind="training")


def test_plan_says_what_is_missing(empty_database: str, database: str, small_market: str) -> None:
    """No tables, no klines, no features, too few days: each its own sentence, and the command that helps."""
    with pytest.raises(ConfigError, match="lorentzian migrate"):
        plan_of(empty_database)
    with pytest.raises(NoDataError, match="no klines of SYNUSDT 15m") as caught:
        plan_of(database)
    assert "lorentzian collect" in caught.value.remedy
    with connect(database) as connection:
        store_klines(connection, small_markets())
    with pytest.raises(NoDataError, match="no rows of feature set core-") as caught:
        plan_of(database)
    assert "lorentzian features" in caught.value.remedy
    with pytest.raises(NoDataError, match=r"There are 8\.0 days of data before .* needs 10"):
        plan_of(small_market, data_days=20, window_size=9)
