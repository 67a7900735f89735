import threading
from pathlib import Path

import numpy as np
import pytest

from job.artifacts.folder import LocalStore
from job.artifacts.store import MAX_OBJECT_BYTES, StoredObject
from job.artifacts.stored_records import parse_record
from job.evaluation.daily import DailyReturns
from job.intervals import DAY_MS
from job.records import LedgerEntryRecord, PlanRecord
from job.run.ledger import Trial, align, note_reading, note_result, procedure_hash, readers_of, trials_over
from job.run.plan import windows_of
from job.settings.procedure import CostSettings, ModelSettings
from job.windows import Span
from tests.support.runs import example_run

PLAN = example_run(3).plan
WINDOWS = windows_of(PLAN)
EVERYTHING = Span(start_ms=0, end_ms=2**50)


def daily(start_ms: int, *values: float) -> DailyReturns:
    """Returns of consecutive UTC days."""
    day = start_ms - start_ms % DAY_MS + DAY_MS * np.arange(len(values), dtype=np.int64)
    return DailyReturns(day=day, value=np.array(values), in_market=np.ones(len(values), np.bool_))


def read(ledger: LocalStore, plan: PlanRecord = PLAN, *, model_hash: str = "a" * 64, index: int = 0) -> str:
    """Note that a window's test is read."""
    return note_reading(ledger, plan, windows_of(plan)[index], model_hash=model_hash)


def with_fee(fee_bps: float) -> PlanRecord:
    """The same plan at another cost."""
    costs = CostSettings(fee_bps=fee_bps)
    return PLAN.model_copy(update={"procedure": PLAN.procedure.model_copy(update={"costs": costs})})


def moved(plan: PlanRecord, num_days: int) -> PlanRecord:
    """The same procedure on a later span."""
    later_ms = num_days * DAY_MS
    windows = tuple(
        w.model_copy(update={n: getattr(w, n) + later_ms for n in ("train_start_ms", "test_start_ms", "test_end_ms")})
        for w in plan.windows
    )
    return plan.model_copy(update={"windows": windows})


@pytest.fixture
def ledger(tmp_path: Path) -> LocalStore:
    """An empty ledger."""
    return LocalStore(tmp_path)


def test_entry_says_who_reads_what(ledger: LocalStore) -> None:
    """The entry lies under series, procedure, span and model, and holds them."""
    key = read(ledger)
    test = WINDOWS[0].test
    assert test is not None
    procedure = procedure_hash(PLAN.procedure, PLAN.feature_set)
    assert key == (f"ledger/synthetic-SYNUSDT-15m/{procedure}/{test.start_ms}-{test.end_ms}/{'a' * 64}.json")
    stored = ledger.get(key)
    assert stored is not None
    entry = parse_record(LedgerEntryRecord, stored.data, where=key)
    assert (entry.procedure, entry.feature_set, entry.model_hash) == (PLAN.procedure, PLAN.feature_set, "a" * 64)
    assert (entry.test_start_ms, entry.test_end_ms) == (test.start_ms, test.end_ms)


def test_another_setting_is_another_trial(ledger: LocalStore) -> None:
    """N is the number of procedures: a cost, a seed or a feature set more, and it is one more."""
    read(ledger)
    assert len(trials_over(ledger, EVERYTHING)) == 1
    read(ledger, with_fee(1.0))
    assert len(trials_over(ledger, EVERYTHING)) == 2
    seeded = PLAN.procedure.model_copy(update={"model": ModelSettings(seed=1)})
    read(ledger, PLAN.model_copy(update={"procedure": seeded}))
    read(ledger, PLAN.model_copy(update={"feature_set": "core-ffffffff"}))
    assert len(trials_over(ledger, EVERYTHING)) == 4


def test_same_procedure_counts_once(ledger: LocalStore) -> None:
    """A retry, another model's attempt, another window and a later span of one procedure add nothing."""
    read(ledger)
    read(ledger)
    read(ledger, model_hash="b" * 64)
    read(ledger, index=1)
    read(ledger, moved(PLAN, 7))
    read(ledger, PLAN.model_copy(update={"run_id": "another", "threads": 8, "device": "cuda", "versions": {}}))
    assert len(trials_over(ledger, EVERYTHING)) == 1


def test_trial_counts_only_where_its_test_overlaps(ledger: LocalStore) -> None:
    """A test that ends where the span begins has seen none of it; one bar more, and it has."""
    read(ledger)
    test = WINDOWS[0].test
    assert test is not None
    after = Span(start_ms=test.end_ms, end_ms=test.end_ms + DAY_MS)
    assert trials_over(ledger, after) == []
    assert trials_over(ledger, Span(start_ms=0, end_ms=test.start_ms)) == []
    assert len(trials_over(ledger, Span(start_ms=test.end_ms - 1, end_ms=test.end_ms))) == 1


def test_trial_without_a_result_counts(ledger: LocalStore) -> None:
    """Whoever failed after reading the test is a trial like any other, with no returns."""
    read(ledger)
    (trial,) = trials_over(ledger, EVERYTHING)
    assert trial.procedure == procedure_hash(PLAN.procedure, PLAN.feature_set)
    assert len(trial.daily_returns) == 0


def test_daily_returns_join_the_tests_of_a_procedure(ledger: LocalStore) -> None:
    """A day that two tests share compounds, and a day that two runs tell of counts once."""
    start, middle = EVERYTHING.start_ms + 10 * DAY_MS, 12 * DAY_MS + DAY_MS // 2
    spans = {"first": (start, middle), "second": (middle, 14 * DAY_MS), "again": (middle - DAY_MS, 15 * DAY_MS)}
    returns = {"first": (0.1, 0.2, 0.3), "second": (0.5, 0.4), "again": (0.01, 0.02, 0.03, 0.04)}

    def note(name: str) -> None:
        span = PLAN.windows[0].model_copy(update=dict(zip(("test_start_ms", "test_end_ms"), spans[name], strict=True)))
        key = read(ledger, PLAN.model_copy(update={"windows": (span,)}))
        note_result(ledger, key, daily(spans[name][0], *returns[name]))

    note("first")
    note("second")
    (trial,) = trials_over(ledger, EVERYTHING)
    np.testing.assert_allclose(trial.daily_returns, [0.1, 0.2, 1.3 * 1.5 - 1, 0.4])
    (trial,) = trials_over(ledger, Span(start_ms=11 * DAY_MS, end_ms=13 * DAY_MS))
    np.testing.assert_allclose(trial.daily_returns, [0.2, 1.3 * 1.5 - 1])
    note("again")
    (trial,) = trials_over(ledger, EVERYTHING)
    np.testing.assert_allclose(trial.daily_returns, [0.1, 0.01, 0.5, 0.4, 0.04])


def test_trial_says_what_it_trades_and_how_often_it_was_tried(ledger: LocalStore) -> None:
    """The symbol comes from the series; a retry with another model is another attempt, and the same trial."""
    read(ledger)
    (trial,) = trials_over(ledger, EVERYTHING)
    assert (trial.symbol, trial.num_attempts) == ("SYNUSDT", 1)
    note_result(ledger, read(ledger, model_hash="b" * 64), daily(0, 0.1))
    read(ledger, index=1)
    (trial,) = trials_over(ledger, EVERYTHING)
    assert trial.num_attempts == 2


def test_another_symbol_is_another_trial(ledger: LocalStore) -> None:
    """The best of fifty symbols is fifty trials, each under its own name."""
    market = PLAN.procedure.market.model_copy(update={"symbol": "BTCUSDT"})
    read(ledger)
    read(ledger, PLAN.model_copy(update={"procedure": PLAN.procedure.model_copy(update={"market": market})}))
    assert sorted(trial.symbol for trial in trials_over(ledger, EVERYTHING)) == ["BTCUSDT", "SYNUSDT"]


def test_readers_are_those_of_the_symbol_and_the_days(ledger: LocalStore) -> None:
    """Any venue or interval of it, failed or not; entries that are named do not count, their results neither."""
    own = read(ledger)
    note_result(ledger, own, daily(0, 0.1))
    for change in ({"symbol": "BTCUSDT"}, {"interval": "5m", "venue": "elsewhere"}):
        market = PLAN.procedure.market.model_copy(update=change)
        read(ledger, PLAN.model_copy(update={"procedure": PLAN.procedure.model_copy(update={"market": market})}))
    assert len(readers_of(ledger, "SYNUSDT", EVERYTHING, apart_from=())) == 2
    procedure = procedure_hash(PLAN.procedure, PLAN.feature_set)
    assert procedure not in readers_of(ledger, "SYNUSDT", EVERYTHING, apart_from={own})
    assert len(readers_of(ledger, "SYNUSDT", EVERYTHING, apart_from={own})) == 1
    assert readers_of(ledger, "SYNUSDT", Span(start_ms=0, end_ms=1), apart_from=()) == set()


def test_align_puts_returns_on_their_days(ledger: LocalStore) -> None:
    """A row a trial with a result, on the days asked for; unknown where it has none, and no row for a failure."""
    first, second = (
        Trial(procedure=name, symbol="A", day=DAY_MS * np.array(days), daily_returns=np.array(values))
        for name, days, values in (("0", [1, 2, 4], [0.1, 0.2, 0.4]), ("1", [3, 9], [-0.3, -0.9]))
    )
    failed = Trial(procedure="2", symbol="A", day=np.empty(0, np.int64), daily_returns=np.empty(0))
    aligned = align([first, failed, second], DAY_MS * np.arange(2, 5))
    np.testing.assert_array_equal(aligned, [[0.2, np.nan, 0.4], [np.nan, -0.3, np.nan]])
    assert align([failed], DAY_MS * np.arange(3)).shape == (0, 3)


def test_results_are_read_many_at_once(ledger: LocalStore) -> None:
    """A reader that waits for another one to join it does not wait in vain."""
    second_reader = threading.Event()
    inside = threading.Semaphore(1)

    class CompanyStore(LocalStore):
        def get(self, key: str, *, max_bytes: int = MAX_OBJECT_BYTES) -> StoredObject | None:
            if inside.acquire(blocking=False):
                assert second_reader.wait(timeout=60)
            else:
                second_reader.set()
            return super().get(key, max_bytes=max_bytes)

    for fee in range(40):
        note_result(ledger, read(ledger, with_fee(float(fee))), daily(0, 0.01 * fee))
    trials = trials_over(CompanyStore(Path(ledger.location)), EVERYTHING)
    assert second_reader.is_set()
    assert sorted(float(trial.daily_returns[0]) for trial in trials) == pytest.approx([0.01 * fee for fee in range(40)])


def test_deleting_a_run_lowers_nothing(ledger: LocalStore) -> None:
    """The ledger lies apart from the runs, and is not touched by what happens to them."""
    ledger.put("runs/example/plan.json", b"{}")
    note_result(ledger, read(ledger), daily(0, 0.1))
    before = trials_over(ledger, EVERYTHING)
    for info in list(ledger.list("runs/")):
        ledger.delete(info.key)
    after = trials_over(ledger, EVERYTHING)
    assert [t.procedure for t in after] == [t.procedure for t in before]
    assert after[0].daily_returns.tolist() == [0.1]


def test_what_is_no_entry_is_passed_over(ledger: LocalStore) -> None:
    """Somebody's note in the ledger's folder is no trial, and no reason to fail."""
    read(ledger)
    for key in ("ledger/README.md", "ledger/a/b/c/d.json", "ledger/binance-SOLUSDT-5m/.keep"):
        ledger.put(key, b"x")
    assert len(trials_over(ledger, EVERYTHING)) == 1


def test_search_is_one_trial(ledger: LocalStore) -> None:
    """However many candidates a window tries before it reads its test, one model reads it, and N grows by one."""
    model = ModelSettings(search="guide", search_candidates=100)
    searching = PLAN.model_copy(update={"procedure": PLAN.procedure.model_copy(update={"model": model})})
    for index, model_hash in enumerate(("a" * 64, "b" * 64)):
        read(ledger, searching, model_hash=model_hash, index=index)
    assert [trial.num_attempts for trial in trials_over(ledger, EVERYTHING)] == [1]
    read(ledger)
    assert len(trials_over(ledger, EVERYTHING)) == 2  # with a search it is another procedure than without
