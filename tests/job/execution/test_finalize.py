import itertools
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import structlog

from job.artifacts.folder import LocalStore
from job.artifacts.keys import RunKeys
from job.artifacts.manifest import read_manifest, verify, write_with_manifest
from job.artifacts.stored_records import parse_record, record_bytes
from job.checkpoint import checkpoint_bytes
from job.data.postgres import connect
from job.errors import ConfigError, DataError
from job.execution import finalize as finalize_module
from job.execution.final_model import FinalModel, fit_final_model
from job.execution.finalize import Finalization, finalize
from job.execution.window_attempt import attempt_window
from job.intervals import DAY_MS
from job.learners import learners_of, train_all
from job.records import (
    AttemptRecord,
    ExecutionRecord,
    FailureRecord,
    PlanRecord,
    RunIndexEntry,
    RunsIndexRecord,
    SummaryRecord,
)
from job.report.window_table import window_metrics_csv
from job.run import training_data
from job.run.attempt import now_ms
from job.run.finalized import planned_runs
from job.run.ledger import note_reading
from job.run.plan import windows_of
from job.run.run import Run
from job.run_evaluation import RunEvaluation
from job.windows import Span, Window
from tests.support.small_run import (
    BAR_MS,
    END_MS,
    RUN_ID,
    TRAIN_DAYS,
    change_close,
    copied,
    objects_of,
    open_small_run,
    small_settings,
)


@dataclass(frozen=True, kw_only=True)
class FinalModelFile:
    """As much of a final model as is stored."""

    data: bytes


@pytest.fixture
def run(run_of_three: Run, tmp_path: Path) -> Run:
    """A run whose three windows are done."""
    return copied(run_of_three, tmp_path)


@pytest.fixture
def light(monkeypatch: pytest.MonkeyPatch) -> None:
    """No pictures and no final model: they take the time, and change nothing of who writes what when."""

    def table(plan: PlanRecord, summary: SummaryRecord, evaluation: RunEvaluation, _: object) -> dict[str, bytes]:
        keys = RunKeys(plan.run_id)
        return {keys.window_metrics_csv(plan.stamp): window_metrics_csv(plan, evaluation.windows)}

    monkeypatch.setattr(finalize_module, "report_objects", table)
    monkeypatch.setattr(finalize_module, "fit_final_model", lambda _run: FinalModelFile(data=b"the final model"))


def summary_of(finalization: Finalization) -> SummaryRecord:
    """The summary of a run that was finalized."""
    assert finalization.summary is not None
    return finalization.summary


def entry_of(run: Run) -> RunIndexEntry:
    """The run in the index."""
    stored = run.store.get("runs-index.json")
    assert stored is not None
    return parse_record(RunsIndexRecord, stored.data, where="runs-index.json").runs[RUN_ID]


def faults_of(run: Run) -> list[str]:
    """What is wrong with the stored result."""
    manifest = read_manifest(run.store, run.keys.manifest)
    assert manifest is not None
    return [fault.key for fault in verify(run.store, manifest, root=run.keys.root)]


def results_of(run: Run) -> dict[str, bytes]:
    """Every object of the run, plan and windows included."""
    return objects_of(run.store, run.keys.root)


def unfinish(run: Run, index: int) -> Callable[[], None]:
    """Take a window's manifest away; the returned function gives it back."""
    stored = run.store.get(run.keys.window_manifest(index))
    assert stored is not None
    run.store.delete(run.keys.window_manifest(index))
    return lambda: run.store.replace(run.keys.window_manifest(index), stored.data, etag=None) and None


def note_trial(run: Run, *, seed: int) -> None:
    """Another procedure reads the run's first test."""
    model = run.plan.procedure.model.model_copy(update={"seed": seed})
    procedure = run.plan.procedure.model_copy(update={"model": model})
    plan = run.plan.model_copy(update={"procedure": procedure})
    note_reading(run.ledger, plan, windows_of(plan)[0], model_hash="0a")


def fail(run: Run, index: int) -> Callable[[], None]:
    """Let a window have failed for good; the returned function lets it succeed after all."""
    failure = FailureRecord(index=index, exit_code=65, message="The data changed.", remedy="")
    run.store.put(run.keys.window_failure(index), record_bytes(failure))
    return unfinish(run, index)


def test_finalized_run_has_every_artifact_of_the_contract(run: Run) -> None:
    """Pictures, table, page, summary and model, named by a manifest that is whole; the index has the headline."""
    summary = summary_of(finalize(run))
    stamp = run.plan.stamp
    manifest = read_manifest(run.store, run.keys.manifest)
    assert manifest is not None
    names = {entry.key for entry in manifest.objects}
    assert names >= {
        "summary.json",
        "report.html",
        f"window_metrics_{stamp}.csv",
        f"best_model_final_{stamp}.pt",
    }
    assert len([name for name in names if name.startswith("visualizations/") and name.endswith(".png")]) >= 4
    assert faults_of(run) == []
    assert (summary.headline, summary.num_done, summary.num_trials) == ("3 of 3 windows", 3, 1)
    assert any("independent labels" in warning for warning in summary.warnings)
    entry = entry_of(run)
    assert (entry.state, entry.num_done, entry.verdict) == ("finished", 3, summary.verdict)


@pytest.mark.usefixtures("light")
def test_run_waits_for_a_window_that_is_expected(run: Run) -> None:
    """While one window runs, nothing is written, and the caller hears which one it is."""
    unfinish(run, 1)
    record = AttemptRecord(
        index=1, attempt=2, max_attempts=3, host="a", started_at_ms=now_ms(), beat_at_ms=now_ms(), stage="train"
    )
    run.store.put(run.keys.attempt(1, 2), record_bytes(record))
    before = results_of(run)
    finalization = finalize(run)
    assert finalization.summary is None
    assert [s.state for s in finalization.states] == ["done", "running", "done"]
    assert results_of(run) == before
    assert entry_of(run).state == "running"


@pytest.mark.usefixtures("light")
def test_finalizing_twice_is_finalizing_once(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """The second one finds the result, trains nothing and returns the same summary."""
    first = finalize(run)
    before = results_of(run)
    monkeypatch.setattr(finalize_module, "fit_final_model", lambda _: pytest.fail("it was trained again"))
    assert summary_of(finalize(run)) == summary_of(first)
    assert results_of(run) == before


@pytest.mark.usefixtures("light")
def test_failed_window_is_counted_and_a_later_success_counts_again(run: Run) -> None:
    """Two of three with the reason, in headline and table; then the third comes after all, and all is as if at once."""
    at_once = copied(run, Path(run.store.location).with_name("at_once"))
    finalize(at_once)
    succeed = fail(run, 1)
    summary = summary_of(finalize(run))
    assert summary.headline == "2 of 3 windows, 1 failed: window 1: The data changed."
    assert summary.failed_windows == {"1": "The data changed."}
    stored = run.store.get(run.keys.window_metrics_csv(run.plan.stamp))
    assert stored is not None
    rows = [row.split(",") for row in stored.data.decode().splitlines()]
    assert [row[rows[0].index("finished")] for row in rows[1:]] == ["True", "False", "True"]
    assert (entry_of(run).num_done, entry_of(run).num_failed) == (2, 1)
    succeed()
    assert summary_of(finalize(run)).headline == "3 of 3 windows"
    assert (entry_of(run).num_done, entry_of(run).num_failed) == (3, 0)
    run.store.delete(run.keys.window_failure(1))
    assert results_of(run) == results_of(at_once)


@pytest.mark.usefixtures("light")
def test_torn_result_is_mended(run: Run) -> None:
    """An object that a dying finalizer overwrote or that was lost is written again; then all is as it was."""
    finalize(run)
    whole = results_of(run)
    run.store.put(run.keys.best_model_final(run.plan.stamp), b"half a model")
    finalize(run)
    assert results_of(run) == whole
    run.store.delete(run.keys.summary)
    finalize(run)
    assert results_of(run) == whole


@pytest.mark.usefixtures("light")
def test_summary_of_another_version_is_made_anew(run: Run) -> None:
    """A result that is whole and that this version cannot read: finalizing once more gives the one of this version."""
    summary = summary_of(finalize(run))
    manifest = read_manifest(run.store, run.keys.manifest)
    assert manifest is not None
    objects = {run.keys.root + entry.key: run.store.get(run.keys.root + entry.key) for entry in manifest.objects}
    data = {key: stored.data for key, stored in objects.items() if stored is not None}
    data[run.keys.summary] = data[run.keys.summary].replace(b'"num_days"', b'"number_of_days"')
    present = run.store.get(run.keys.manifest)
    assert present is not None
    write_with_manifest(
        run.store, run.keys.manifest, data, root=run.keys.root, extra=manifest.extra, replacing=present.etag
    )
    assert faults_of(run) == []
    assert summary_of(finalize(run)) == summary
    assert faults_of(run) == []


@pytest.mark.usefixtures("light")
def test_window_that_was_written_anew_is_a_new_result(run: Run) -> None:
    """The result is of these very windows: other bytes in one of them, and it is made again."""
    finalize(run)
    stored = run.store.get(run.keys.manifest)
    window = run.store.get(run.keys.window_manifest(0))
    assert stored is not None and window is not None
    keys = (run.keys.series(0), run.keys.window_metrics(0))
    objects = {key: found.data for key in keys if (found := run.store.get(key)) is not None}
    write_with_manifest(
        run.store, run.keys.window_manifest(0), objects, root=run.keys.root, extra={"other": 1}, replacing=window.etag
    )
    finalize(run)
    after = run.store.get(run.keys.manifest)
    assert after is not None and after.data != stored.data
    assert faults_of(run) == []


@pytest.mark.usefixtures("light")
def test_finalizers_at_once_leave_one_result(run: Run) -> None:
    """Four of them in the same moment: each returns the same summary, and what stands is whole."""
    barrier = threading.Barrier(4)

    def work(_: int) -> SummaryRecord:
        own = replace(run, store=LocalStore(Path(run.store.location)))
        barrier.wait()
        return summary_of(finalize(own))

    with ThreadPoolExecutor(4) as pool:
        summaries = list(pool.map(work, range(4)))
    assert all(summary == summaries[0] for summary in summaries)
    assert faults_of(run) == []
    assert entry_of(run).state == "finished"


@pytest.mark.usefixtures("light")
def test_slow_finalizer_does_not_take_a_window_away(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """One that has seen two windows writes after one that has seen three: three stand, in result and index."""
    succeed = fail(run, 1)
    fit_final_model = finalize_module.fit_final_model

    def overtaken(of_run: Run) -> FinalModel:
        monkeypatch.setattr(finalize_module, "fit_final_model", fit_final_model)
        succeed()
        assert summary_of(finalize(of_run)).num_done == 3
        return fit_final_model(of_run)

    monkeypatch.setattr(finalize_module, "fit_final_model", overtaken)
    assert summary_of(finalize(run)).num_done == 3
    stored = run.store.get(run.keys.summary)
    assert stored is not None
    assert parse_record(SummaryRecord, stored.data, where="summary.json").num_done == 3
    assert faults_of(run) == []
    assert entry_of(run).num_done == 3


@pytest.mark.usefixtures("light")
def test_index_is_mended_after_a_finalizer_that_died(run: Run) -> None:
    """Killed between its manifest and the index, it leaves a run that looks busy; the next one enters it."""
    running = run.store.get("runs-index.json")
    assert running is not None
    finalize(run)
    run.store.put("runs-index.json", running.data)
    assert entry_of(run).state == "running"
    finalize(run)
    assert entry_of(run).state == "finished"


def test_final_model_is_trained_on_the_newest_days(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """The last five days up to the end of the data, as every window is trained, and no test."""
    spans: list[Span] = []
    load = training_data.load_dataset

    def spy(connection: Any, plan: PlanRecord, span: Span) -> Any:
        spans.append(span)
        return load(connection, plan, span)

    monkeypatch.setattr(training_data, "load_dataset", spy)
    monkeypatch.setattr(finalize_module, "report_objects", lambda *_: {})
    finalize(run)
    newest = Span(start_ms=END_MS - TRAIN_DAYS * DAY_MS, end_ms=END_MS)
    assert spans == [newest]
    with connect(run.conninfo) as connection:
        training = load(connection, run.plan, newest)
    window = Window(index=3, train=newest, test=None)
    expected = train_all(learners_of(run.plan, window, device=run.device), training, window, run.plan.procedure)[
        "logistic"
    ]
    stored = run.store.get(run.keys.best_model_final(run.plan.stamp))
    assert stored is not None and stored.data == checkpoint_bytes(expected, run.plan)


def test_final_model_is_not_trained_on_other_data(run: Run, small_database: str) -> None:
    """Where the newest days are no longer those of the plan, there is no result rather than one of two histories."""
    change_close(small_database, END_MS - BAR_MS)
    with pytest.raises(DataError, match="changed since the plan"):
        finalize(replace(run, conninfo=small_database))
    assert run.store.get(run.keys.manifest) is None


def test_torn_window_is_not_believed(run: Run) -> None:
    """An object that is not the one of its window's manifest ends the try, and says how it is mended."""
    run.store.put(run.keys.series(2), b"a slower pod's")
    with pytest.raises(DataError, match=r"windows/2/series\.npz is not what the manifest of window 2 says") as caught:
        finalize(run)
    assert "Run that window again" in caught.value.remedy


@pytest.mark.usefixtures("light")
def test_trials_are_those_of_the_ledger(run: Run, small_market: str, tmp_path: Path) -> None:
    """Deleting a run's folder lowers nothing; a ledger without this run's own readings is the wrong one."""
    other = open_small_run(small_settings(Path(run.store.location), run_id="other", fee_bps=1.0), small_market)
    attempt_window(other, 0, max_attempts=1)
    for info in list(run.store.list(other.keys.root)):
        run.store.delete(info.key)
    assert summary_of(finalize(run)).num_trials == 2
    empty = replace(run, ledger=LocalStore(tmp_path / "elsewhere"))
    run.store.delete(run.keys.manifest)
    with pytest.raises(ConfigError, match="does not hold the readings of run small") as caught:
        finalize(empty)
    assert "--ledger" in caught.value.remedy


@pytest.mark.usefixtures("light")
def test_later_trials_are_counted_for_who_asks(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """A sweep leaves every byte as it was; a recount counts, keeps the final model, and writes nothing twice."""
    assert summary_of(finalize(run)).num_trials == 1
    once = results_of(run)
    finalize(run, recount=True)
    assert results_of(run) == once
    note_trial(run, seed=1)
    assert summary_of(finalize(run)).num_trials == 1
    assert results_of(run) == once
    monkeypatch.setattr(finalize_module, "fit_final_model", lambda _: pytest.fail("it was trained again"))
    counted = summary_of(finalize(run, recount=True))
    assert (counted.num_trials, entry_of(run).num_trials) == (2, 2)
    assert counted.trials_counted_in == "the ledger of this save path as of the last finalization"
    twice = results_of(run)
    for recount in (True, False):
        assert summary_of(finalize(run, recount=recount)) == counted
    assert results_of(run) == twice
    assert {name for name, data in twice.items() if once[name] != data} == {"manifest.json", "summary.json"}


@pytest.mark.usefixtures("light")
def test_recount_ends_while_others_train(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """A trial that comes in the middle of each count is for the next one who asks."""
    finalize(run)
    seeds, build = itertools.count(1), finalize_module._build

    def joined(*arguments: Any, **named: Any) -> Any:
        note_trial(run, seed=next(seeds))
        return build(*arguments, **named)

    monkeypatch.setattr(finalize_module, "_build", joined)
    note_trial(run, seed=100)
    assert summary_of(finalize(run, recount=True)).num_trials == 2
    assert next(seeds) == 2


def test_run_without_a_window_has_no_result(run: Run) -> None:
    """Where every window failed there is nothing to stitch: 65, with the first one's reason."""
    for index in range(3):
        fail(run, index)
    with pytest.raises(DataError, match=r"No window of run small succeeded: The data changed\."):
        finalize(run)


def test_training_is_not_finalized(run: Run) -> None:
    """A basic training has its own manifest, which no finalizer replaces: 78, whatever state it is in."""
    training = replace(run, plan=run.plan.model_copy(update={"kind": "training"}))
    before = results_of(run)
    with pytest.raises(ConfigError, match="Run small is a basic training, which has nothing to finalize"):
        finalize(training)
    assert results_of(run) == before


@pytest.mark.usefixtures("light")
def test_finalizer_says_which_windows_ran_elsewhere(run: Run) -> None:
    """Two kinds of processor are in the log, with their windows, and not in the result."""
    same = copied(run, Path(run.store.location).with_name("same"))
    with structlog.testing.capture_logs() as lines:
        finalize(same)
    assert "nodes_differ" not in [line["event"] for line in lines]
    stored = run.store.get(run.keys.execution(1))
    assert stored is not None
    execution = parse_record(ExecutionRecord, stored.data, where="execution.json")
    run.store.put(run.keys.execution(1), record_bytes(execution.model_copy(update={"cpu": "Other CPU"})))
    with structlog.testing.capture_logs() as lines:
        finalize(run)
    (line,) = [line for line in lines if line["event"] == "nodes_differ"]
    assert line["windows_by_node"] == {execution.cpu: [0, 2], "Other CPU": [1]}
    assert results_of(run) == results_of(same)


@pytest.mark.usefixtures("light")
def test_finalizer_tells_of_its_stages(run: Run) -> None:
    """Each once, in order, the last one to its end, and none where everything is done already."""
    told: list[tuple[int, str]] = []

    class Told:
        def advance_to(self, done: int, total: int, *, note: str = "") -> None:
            assert total == 3
            told.append((done, note))

    finalize(run, tracker=Told())
    finalize(run, tracker=Told())
    assert [note for _, note in told if note] == ["statistics", "final model", "report"]
    assert [done for done, _ in told] == [0, 1, 1, 2, 2, 3]


def test_final_model_without_a_refit_leaves_the_newest_days_out(small_market: str, tmp_path: Path) -> None:
    """It is the windows' own procedure: what they do not fit, it does not fit either."""
    kept, refitted = (
        fit_final_model(open_small_run(small_settings(tmp_path, run_id=run_id, refit=refit), small_market))
        for run_id, refit in (("kept", False), ("refitted", True))
    )
    assert kept.window == refitted.window
    assert kept.trained.num_rows < 0.85 * refitted.trained.num_rows
    assert kept.data != refitted.data


def test_planned_runs_are_those_with_a_plan(tmp_path: Path) -> None:
    """Leftovers without a plan and files that are nobody's are no runs."""
    store = LocalStore(tmp_path)
    for key in ("runs/b/plan.json", "runs/a/plan.json", "runs/c/summary.json", "runs/a/windows/0/plan.json", "runs/x"):
        store.put(key, b"{}")
    assert planned_runs(store) == ["a", "b"]
