from pathlib import Path

import pytest
import structlog
from pydantic import SecretStr

from job.artifacts.stored_records import parse_record, record_bytes
from job.commands import finalize
from job.commands.holdout_result import holdout_sentence
from job.errors import ConfigError, DataError, ExitCode, Terminated, TransientError, UsageError
from job.execution import finalize as finalize_module
from job.execution.window_attempt import attempt_window
from job.records import FailureRecord, HoldoutRecord, SummaryRecord
from job.run.ledger import note_reading
from job.run.plan import windows_of
from job.run.run import Run
from job.settings.commands import FinalizeCommand
from job.settings.operation import ComputeSettings, DatabaseSettings, OutputSettings, RunSettings, SweepSettings
from job.settings.sources import LoadedSettings
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

    monkeypatch.setattr(finalize, "finalize", fail)
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
    """Not before its windows are done; then the numbers, the sentence and the path; for one run only."""
    monkeypatch.setattr(finalize_module, "report_objects", lambda *_: {})
    run = open_small_run(small_settings(tmp_path, holdout_days=1), small_market)
    with pytest.raises(TransientError, match="is not ready"):
        run_finalize(run, run_id="small", open_holdout=True)
    assert not list(run.ledger.list("holdout/"))
    for window in run.plan.windows:
        attempt_window(run, window.index, max_attempts=1)
    capsys.readouterr()
    assert run_finalize(run, run_id="small", open_holdout=True) is ExitCode.DONE
    first = capsys.readouterr().out
    assert "Untouched: nothing has read these days before." in first
    assert first.splitlines()[-1] == f"Holdout: {tmp_path}/runs/small/holdout.json"
    assert run_finalize(run, run_id="small", open_holdout=True) is ExitCode.DONE
    assert capsys.readouterr().out == first
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
