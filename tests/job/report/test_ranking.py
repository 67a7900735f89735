"""Finished runs side by side: what they are worth among all trials, and what the best of so many shows by luck."""

from pathlib import Path

import numpy as np
import pytest

from job.artifacts.folder import LocalStore
from job.commands import report
from job.errors import CheckFailed, ConfigError, ExitCode, UsageError
from job.evaluation.daily import DailyReturns
from job.intervals import DAY_MS
from job.records import PlanRecord
from job.report.ranking import luck_sentence, rank_runs, verdict_among
from job.report.stored_run import open_stored_run
from job.run.ledger import note_reading, note_result
from job.run.plan import windows_of
from job.settings.commands import ReportCommand
from job.settings.operation import ReportSettings, RunSettings
from job.settings.sources import LoadedSettings
from tests.support.noise_scans import end_of_scan, noise_returns
from tests.support.runs import ExampleRun, example_run, flat_run
from tests.support.stored_runs import store_run

NUM_WINDOWS = 9


def with_seed(run: ExampleRun, seed: int) -> PlanRecord:
    """The plan of another procedure over the same days."""
    procedure = run.plan.procedure
    model = procedure.model.model_copy(update={"seed": seed})
    return run.plan.model_copy(update={"procedure": procedure.model_copy(update={"model": model})})


def note_trial(store: LocalStore, plan: PlanRecord, rng: np.random.Generator | None = None) -> None:
    """Note the readings of a procedure, with returns of noise where a generator is given."""
    for window in windows_of(plan):
        assert window.test is not None
        entry = note_reading(store, plan, window, model_hash="00")
        if rng is not None:
            day = np.arange(window.test.start_ms, window.test.end_ms, DAY_MS)
            value = 0.02 * rng.standard_normal(len(day))
            note_result(store, entry, DailyReturns(day=day, value=value, in_market=np.ones(len(day), dtype=bool)))


@pytest.fixture
def store(tmp_path: Path) -> LocalStore:
    """One finished run, and the ledger that it was noted in."""
    run = example_run(NUM_WINDOWS)
    store = store_run(run, tmp_path, run_id="one")
    note_trial(store, run.plan)
    return store


def run_report(store: LocalStore, *, run_id: str | None = None, **asked: object) -> ExitCode:
    """The command, for all runs."""
    settings = ReportCommand(
        run=RunSettings(save_path=store.location, run_id=run_id), report=ReportSettings(all=True, **asked)
    )
    return report.run(LoadedSettings(settings=settings, sources={}))


def test_a_single_trial_is_judged_as_it_was(store: LocalStore) -> None:
    """Nothing to deflate, nothing to multiply by: the summary's own numbers and word."""
    (run,) = rank_runs(store, store).runs
    assert (run.run_id, run.deflation.num_trials) == ("one", 1)
    assert run.deflation.dsr.value == run.summary.dsr.value
    assert run.no_skill_p.value == run.summary.spa_p.value
    assert (run.verdict.verdict, run.verdict.reason) == (run.summary.verdict, run.summary.verdict_reason)


def test_later_trials_are_counted_against_a_run(store: LocalStore) -> None:
    """Six strangers over the same days: fewer chances left, and a p-value seven times as large."""
    before = verdict_among(open_stored_run(store, "one"), store)
    rng = np.random.default_rng(3)
    for seed in range(1, 7):
        note_trial(store, with_seed(example_run(NUM_WINDOWS), seed), rng)
    after = verdict_among(open_stored_run(store, "one"), store)
    assert after.deflation.num_trials == 7
    assert after.deflation.dsr.rank < before.deflation.dsr.rank
    assert after.no_skill_p.value == pytest.approx(min(1.0, 7 * before.no_skill_p.rank))
    assert after.verdict.verdict != "evidence" or after.no_skill_p.rank < 0.05


def test_the_newest_run_of_each_procedure_is_ranked(store: LocalStore) -> None:
    """An older run of the same settings is the past of a newer one; one that never traded comes last."""
    flat = flat_run()
    other = with_seed(flat, 7)
    note_trial(store, other)
    store_run(ExampleRun(**{**vars(flat), "plan": other}), Path(store.location), run_id="flat")
    later = example_run(NUM_WINDOWS)
    plan = later.plan.model_copy(update={"created_at_ms": later.plan.created_at_ms + DAY_MS})
    store_run(ExampleRun(**{**vars(later), "plan": plan}), Path(store.location), run_id="two")
    ranking = rank_runs(store, store)
    assert [run.run_id for run in ranking.runs] == ["two", "flat"]
    assert not ranking.unread


def test_a_run_of_another_ledger_is_named_and_left_out(store: LocalStore, capsys: pytest.CaptureFixture[str]) -> None:
    """Its trials are not counted here; the others are ranked all the same."""
    run = example_run(NUM_WINDOWS)
    store_run(ExampleRun(**{**vars(run), "plan": with_seed(run, 9)}), Path(store.location), run_id="elsewhere")
    ranking = rank_runs(store, store)
    assert [each.run_id for each in ranking.runs] == ["one"] and set(ranking.unread) == {"elsewhere"}
    run_report(store)
    assert "Not ranked: elsewhere. The ledger" in capsys.readouterr().out


def test_luck_sentence_states_what_the_best_of_so_many_would_show(store: LocalStore) -> None:
    """The number of trials, and the ratio that the deflation itself is made with."""
    rng = np.random.default_rng(3)
    for seed in range(1, 4):
        note_trial(store, with_seed(example_run(NUM_WINDOWS), seed), rng)
    ranking = rank_runs(store, store)
    luck = ranking.runs[0].deflation.luck_sharpe.value
    assert luck is not None
    sentence = luck_sentence(ranking)
    assert "best of the 4 trials" in sentence and f"expected to show {luck:.2f}." in sentence


def test_report_of_all_prints_a_row_a_procedure(store: LocalStore, capsys: pytest.CaptureFixture[str]) -> None:
    """With the sentence about luck; and it fails where the best is less than required."""
    (best,) = rank_runs(store, store).runs
    assert run_report(store) is ExitCode.DONE
    out = " ".join(capsys.readouterr().out.split())
    assert "The newest run of each of 1 procedures" in out
    assert "SYNUSDT 15m 63" in out and "The best Sharpe ratio here is" in out
    if best.verdict.verdict == "no evidence":
        with pytest.raises(CheckFailed, match="the best, one, is 'no evidence'"):
            run_report(store, require="weak")
    with pytest.raises(UsageError, match="none can be named"):
        run_report(store, run_id="one")


def test_report_of_all_without_a_run_says_so(tmp_path: Path) -> None:
    """An empty place is a setting to correct."""
    with pytest.raises(ConfigError, match="no finished run to rank"):
        run_report(LocalStore(tmp_path))


def test_a_scan_of_noise_promotes_nothing() -> None:
    """Of ten scans of 50 symbols none, however alike they move; were each symbol alone, nearly every one."""
    rng = np.random.default_rng(1)
    ends = [
        end_of_scan(noise_returns(rng, num_symbols=50, num_days=147, correlation=correlation))
        for correlation in (0.0, 0.6)
        for _ in range(5)
    ]
    assert [end.counted for end in ends] == [0] * 10
    assert sum(end.alone > 0 for end in ends[:5]) >= 4
