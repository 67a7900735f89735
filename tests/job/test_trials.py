"""From a run's readings in the ledger to what its result is worth: the laws of counting trials."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from job.artifacts.folder import LocalStore
from job.evaluation.daily import DailyReturns
from job.intervals import DAY_MS
from job.records import PlanRecord
from job.run.ledger import note_reading, note_result, trials_over
from job.run.plan import windows_of
from job.run_evaluation import RunEvaluation, evaluate_run
from job.settings.procedure import ModelSettings
from job.windows import Span
from tests.support.runs import TRADED, example_run

RUN = example_run(5)
RETURNS = RUN.evaluation.daily[TRADED]
TESTED = Span(start_ms=RUN.plan.windows[0].test_start_ms, end_ms=RUN.plan.windows[-1].test_end_ms)


@pytest.fixture
def ledger(tmp_path: Path) -> LocalStore:
    """A ledger that holds the run's own readings."""
    store = LocalStore(tmp_path)
    note_run(store, RUN.plan, RETURNS)
    return store


def note_run(
    ledger: LocalStore, plan: PlanRecord, returns: np.ndarray | None, *, model_hash: str = "a" * 64, days_later: int = 0
) -> None:
    """Note that every test of a run was read, and what each earned, unless it failed."""
    days = iter(returns if returns is not None else [])
    for window in windows_of(shifted(plan, days_later)):
        key = note_reading(ledger, shifted(plan, days_later), window, model_hash=model_hash)
        if returns is not None and window.test is not None:
            note_result(ledger, key, daily_of(window.test, days))


def daily_of(test: Span, days: Iterator[float]) -> DailyReturns:
    """The next returns, on the days of a test."""
    day = np.arange(test.start_ms, test.end_ms, DAY_MS)
    value = np.array([next(days) for _ in day])
    return DailyReturns(day=day, value=value, in_market=np.ones(len(day), np.bool_))


def shifted(plan: PlanRecord, days_later: int) -> PlanRecord:
    """The same windows, later."""
    later_ms = days_later * DAY_MS
    windows = tuple(
        w.model_copy(update={n: getattr(w, n) + later_ms for n in ("train_start_ms", "test_start_ms", "test_end_ms")})
        for w in plan.windows
    )
    return plan.model_copy(update={"windows": windows})


def with_seed(seed: int) -> PlanRecord:
    """Another setting on the same data."""
    procedure = RUN.plan.procedure.model_copy(update={"model": ModelSettings(seed=seed)})
    return RUN.plan.model_copy(update={"procedure": procedure})


def on_symbol(symbol: str) -> PlanRecord:
    """The same settings on another market."""
    market = RUN.plan.procedure.market.model_copy(update={"symbol": symbol})
    return RUN.plan.model_copy(update={"procedure": RUN.plan.procedure.model_copy(update={"market": market})})


def strangers_returns(seed: int) -> np.ndarray:
    """Returns that have nothing to do with the run's."""
    return np.random.default_rng(seed).normal(0, 0.01, len(RETURNS))


def judged(ledger: LocalStore) -> RunEvaluation:
    """The run among the trials of the ledger."""
    return evaluate_run(RUN.plan, RUN.windows, RUN.series, trials_over(ledger, TESTED))


def test_another_setting_raises_the_number_and_lowers_the_ratio(ledger: LocalStore) -> None:
    """One more each time, and the same result is worth less, though the new trial resembles it."""
    before = judged(ledger)
    assert before.findings.num_trials == 1
    assert before.findings.dsr.value == before.psr.value
    for seed in (1, 2, 3):
        note_run(ledger, with_seed(seed), 0.7 * RETURNS + 0.5 * strangers_returns(seed))
        after = judged(ledger)
        assert after.findings.num_trials == after.num_trials_of_symbol == before.findings.num_trials + 1
        assert before.findings.effective_trials < after.findings.effective_trials < after.findings.num_trials
        assert after.findings.dsr.rank < before.findings.dsr.rank
        before = after


def test_same_settings_on_a_week_more_of_data_change_nothing(ledger: LocalStore) -> None:
    """The weekly run of one procedure is the same trial, and its later days lie outside."""
    before = judged(ledger)
    note_run(ledger, RUN.plan, np.append(RETURNS[7:], strangers_returns(1)[:7]), days_later=7)
    after = judged(ledger)
    assert after.findings.num_trials == before.findings.num_trials == 1
    assert after.findings.dsr == before.findings.dsr


def test_another_symbol_is_another_trial(ledger: LocalStore) -> None:
    """It counts in all, not in those of this symbol, and lowers the ratio."""
    before = judged(ledger)
    note_run(ledger, on_symbol("BTCUSDT"), strangers_returns(1))
    after = judged(ledger)
    assert (after.findings.num_trials, after.num_trials_of_symbol) == (2, 1)
    assert after.findings.dsr.rank < before.findings.dsr.rank


def test_failed_run_counts(ledger: LocalStore) -> None:
    """An entry without a result is a trial, as independent as any."""
    before = judged(ledger)
    note_run(ledger, with_seed(1), None)
    after = judged(ledger)
    assert after.findings.num_trials == after.findings.effective_trials == 2
    assert after.findings.dsr.rank < before.findings.dsr.rank


def test_removing_the_folder_of_a_run_lowers_nothing(ledger: LocalStore) -> None:
    """Whoever clears away a failed run keeps its trial."""
    note_run(ledger, with_seed(1), None)
    ledger.put("runs/failed/plan.json", b"{}")
    before = judged(ledger)
    ledger.delete("runs/failed/plan.json")
    after = judged(ledger)
    assert after.findings.num_trials == before.findings.num_trials == 2
    assert after.findings.dsr == before.findings.dsr


def test_retried_pod_is_another_attempt_at_the_same_trial(ledger: LocalStore) -> None:
    """Another model's hash on the same test is shown, and leaves the number as it is."""
    note_run(ledger, RUN.plan, RETURNS, model_hash="b" * 64)
    found = judged(ledger)
    assert (found.findings.num_trials, found.num_attempts) == (1, 2)


def test_ten_trials_have_a_probability_of_overfitting(ledger: LocalStore) -> None:
    """Nine are too few to say."""
    for seed in range(1, 9):
        note_run(ledger, with_seed(seed), strangers_returns(seed))
    assert judged(ledger).deflation.overfitting.probability.reason == "too_few_trials"
    note_run(ledger, with_seed(9), strangers_returns(9))
    overfitting = judged(ledger).deflation.overfitting
    assert overfitting.probability.value is not None
    assert (overfitting.num_trials, overfitting.num_days, overfitting.num_blocks) == (10, 35, 6)
