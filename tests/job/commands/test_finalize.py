import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import structlog
from pydantic import SecretStr

from job.artifacts.folder import LocalStore
from job.artifacts.keys import RunKeys
from job.artifacts.stored_records import parse_record, record_bytes
from job.commands import finalize, finalize_run
from job.errors import ConfigError, DataError, ExitCode, Terminated, TransientError, UsageError
from job.execution import finalize as finalize_module
from job.execution.window_attempt import attempt_window
from job.records import FailureRecord, HoldoutRecord, IntervalRecord, PlanRecord, SummaryRecord
from job.report.holdout import holdout_part, holdout_sentence
from job.report.stored_run import open_stored_run
from job.run.attempt import now_ms
from job.run.finalized import finished_verdict
from job.run.ledger import note_reading
from job.run.plan import windows_of
from job.run.run import Run
from job.run.state import window_states
from job.settings.commands import FinalizeCommand
from job.settings.operation import ComputeSettings, DatabaseSettings, OutputSettings, RunSettings, SweepSettings
from job.settings.sources import LoadedSettings
from tests.support.repository import ROOT
from tests.support.small_run import copied, open_small_run, small_settings


@pytest.fixture
def run(run_of_three: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """A run whose windows are done, and that is finalized without pictures."""
    monkeypatch.setattr(finalize_module, "report_objects", lambda *_: {})
    return copied(run_of_three, tmp_path)


def run_finalize(run: Run, *, run_id: str | None = None, open_holdout: bool = False) -> ExitCode:
    """The command for one run, or for all."""
    settings = FinalizeCommand(
        output=OutputSettings(progress=False),
        run=RunSettings(save_path=run.store.location, run_id=run_id),
        database=DatabaseSettings(database_url=SecretStr(run.conninfo)),
        compute=ComputeSettings(device="cpu"),
        sweep=SweepSettings(all=run_id is None, open_holdout=open_holdout),
    )
    with structlog.testing.capture_logs():
        return finalize.run(LoadedSettings(settings=settings, sources={}))


def failed_run(run: Run, run_id: str) -> Run:
    """Another run under the same save path, of which no window succeeded."""
    failed = open_small_run(small_settings(Path(run.store.location), run_id=run_id), run.conninfo)
    for index in range(3):
        failure = FailureRecord(index=index, exit_code=65, message="The data changed.", remedy="")
        failed.store.put(failed.keys.window_failure(index), record_bytes(failure))
    return failed


def opened_days() -> HoldoutRecord:
    """What locked-away days might have said."""
    return HoldoutRecord(
        start_ms=0,
        end_ms=1,
        model_hash="0a",
        opening=1,
        is_spent=False,
        spent_reason=None,
        num_days=1,
        num_bars=96,
        measures={},
        sharpe_interval=IntervalRecord(low=None, high=None, reason="too_short"),
    )


def test_sweep_goes_on_after_a_run_that_fails(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    """The broken run comes first by name; the sound one is finalized all the same, and the end is the error."""
    failed_run(run, "a-broken-one")
    capsys.readouterr()
    with pytest.raises(DataError, match=r"Not finalized: a-broken-one\. No window of run a-broken-one") as caught:
        run_finalize(run)
    assert "run the windows again" in caught.value.remedy
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("a-broken-one: No window")
    assert lines[1].startswith("small: ")
    assert run.store.get(run.keys.manifest) is not None


def test_sweep_ends_with_the_worst(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """What needs a person outweighs what time may mend; a request to stop ends the sweep at once."""
    for name in ("a", "b", "c"):
        failed_run(run, name)
    errors = {"a": TransientError("Away."), "b": ConfigError("Another ledger."), "c": DataError("Torn.")}

    def fail(opened: Run, **_: object) -> object:
        if opened.plan.run_id in errors:
            raise errors[opened.plan.run_id]
        return finalize_module.finalize(opened)

    monkeypatch.setattr(finalize_run, "finalize", fail)
    with pytest.raises(ConfigError, match=r"Not finalized: a, b, c\. Another ledger"):
        run_finalize(run)
    monkeypatch.setitem(errors, "a", Terminated("Asked to stop."))
    with pytest.raises(Terminated):
        run_finalize(run)


def test_named_run_is_counted_again_and_a_sweep_is_not(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    """A trial that came later is seen by who names the run."""
    run_finalize(run)
    model = run.plan.procedure.model.model_copy(update={"seed": 1})
    plan = run.plan.model_copy(update={"procedure": run.plan.procedure.model_copy(update={"model": model})})
    note_reading(run.ledger, plan, windows_of(plan)[0], model_hash="0a")
    run_finalize(run)
    stored = run.store.get(run.keys.summary)
    assert stored is not None
    assert parse_record(SummaryRecord, stored.data, where="summary.json").num_trials == 1
    capsys.readouterr()
    run_finalize(run, run_id="small")
    assert ", N = 2; 3 of 3 windows" in capsys.readouterr().out


def test_sweep_that_finds_nothing_to_do_asks_no_database(
    run: Run, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second sweep reads what the first has said, and says it again; a sweep of nothing is no error."""
    run_finalize(run)
    first = capsys.readouterr().out
    monkeypatch.setattr(finalize, "open_database", lambda *_: pytest.fail("a database was asked"))
    assert run_finalize(run) is ExitCode.DONE
    assert capsys.readouterr().out == first
    nothing = replace(run, store=LocalStore(Path(run.store.location) / "nothing"))
    assert run_finalize(nothing) is ExitCode.DONE
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("what", ["index", "window", "holdout"])
def test_sweep_mends_what_a_finalizer_left(run: Run, capsys: pytest.CaptureFixture[str], what: str) -> None:
    """An index that was not written, a window that has changed, days that were opened: each makes the run due."""
    run_finalize(run)
    keys, states = run.keys, window_states(run.store, run.plan, now_ms=now_ms())
    assert finished_verdict(run.store, keys, states) is not None
    if what == "index":
        run.store.delete("runs-index.json")
    elif what == "window":
        states = (replace(states[0], state="lost"), *states[1:])
    else:
        run.store.put(keys.holdout, record_bytes(opened_days()))
    assert finished_verdict(run.store, keys, states) is None


def test_sweep_loads_nothing_that_trains(run: Run) -> None:
    """It comes every few minutes, and mostly finds nothing to do."""
    run_finalize(run)
    program = (
        "import sys; from job.commands.finalize import run; from job.cli import settings_class;"
        "from job.settings.sources import load_settings; command = settings_class('finalize');"
        "run(load_settings(command, command_name='finalize', commands={'finalize': command}, environment={},"
        f" flags={{'all': True, 'save_path': {run.store.location!r}}}, config_file=None));"
        "print([name for name in ('torch', 'sklearn', 'matplotlib', 'pandas') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.stdout.splitlines()[-1:] == ["[]"], done.stderr
    assert done.stdout.startswith("small: ")


def test_sweep_leaves_trainings_and_unfinished_runs_alone(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    """Neither a basic training nor a run whose windows are still to come is an error."""
    training = run.plan.model_copy(update={"run_id": "training", "kind": "training"})
    run.store.put("runs/training/plan.json", record_bytes(training))
    open_small_run(small_settings(Path(run.store.location), run_id="waiting"), run.conninfo)
    assert run_finalize(run) is ExitCode.DONE
    out = capsys.readouterr().out
    assert "training" not in out
    assert "waiting: not ready; 0 of 3 windows" in out
    with pytest.raises(ConfigError, match="is a basic training"):
        run_finalize(run, run_id="training")
    with pytest.raises(TransientError, match="Run waiting is not ready"):
        run_finalize(run, run_id="waiting")


def test_holdout_is_opened_after_the_run_is_finalized(
    small_market: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Not before its windows are done; then numbers, sentence, path, and the page; for one run only."""

    def page(plan: PlanRecord, summary: object, evaluation: object, holdout: HoldoutRecord | None) -> dict[str, bytes]:
        return {RunKeys(plan.run_id).report: "".join(holdout_part(plan, holdout)).encode()}

    monkeypatch.setattr(finalize_module, "report_objects", page)
    run = open_small_run(small_settings(tmp_path, holdout_days=1), small_market)
    with pytest.raises(TransientError, match="is not ready"):
        run_finalize(run, run_id="small", open_holdout=True)
    assert not list(run.ledger.list("holdout/"))
    for window in run.plan.windows:
        attempt_window(run, window.index, max_attempts=1)
    assert run_finalize(run, run_id="small") is ExitCode.DONE
    assert b"has not opened them" in open_stored_run(run.store, "small").page()
    capsys.readouterr()
    assert run_finalize(run, run_id="small", open_holdout=True) is ExitCode.DONE
    first = capsys.readouterr().out
    assert "Untouched: nothing has read these days before." in first
    assert first.splitlines()[-1] == f"Holdout: {tmp_path}/runs/small/holdout.json"
    assert run_finalize(run, run_id="small", open_holdout=True) is ExitCode.DONE
    assert capsys.readouterr().out == first
    stored = open_stored_run(run.store, "small")
    assert b"Untouched" in stored.page()
    assert stored.holdout() is not None
    with pytest.raises(UsageError, match="opened for one run"):
        run_finalize(run, open_holdout=True)


def test_spent_days_confirm_nothing() -> None:
    """The sentence says who looked before, and what that means."""
    record = HoldoutRecord.model_construct(
        is_spent=True, spent_reason="Run a opened these days first, at noon.", opening=2, num_days=30
    )
    sentence = holdout_sentence(record)
    assert sentence.startswith("Spent: Run a opened these days first, at noon. These numbers confirm nothing")
    assert "opening 2" in sentence
