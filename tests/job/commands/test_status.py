from pathlib import Path

import pytest

from job.artifacts.folder import LocalStore
from job.artifacts.stored_records import record_bytes
from job.commands import status
from job.errors import ExitCode
from job.records import AttemptRecord, PlanRecord
from job.run.attempt import now_ms
from job.run.index import note_started, note_trained
from job.settings.commands import StoredRunCommand
from job.settings.operation import RunSettings
from job.settings.sources import LoadedSettings
from tests.support.runs import example_run


@pytest.fixture
def training(tmp_path: Path) -> PlanRecord:
    """A basic training that was planned."""
    plan = example_run(1).plan.model_copy(update={"kind": "training", "run_id": "trained"})
    store = LocalStore(tmp_path)
    store.put("runs/trained/plan.json", record_bytes(plan))
    note_started(store, plan)
    return plan


def run_status(folder: Path, run_id: str | None = None) -> ExitCode:
    """The command."""
    settings = StoredRunCommand(run=RunSettings(save_path=str(folder), run_id=run_id))
    return status.run(LoadedSettings(settings=settings, sources={}))


def test_killed_training_can_be_started_again(
    training: PlanRecord, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """An attempt that fell silent hours ago is due, and the last line says what goes on with it."""
    record = AttemptRecord(
        index=0, attempt=1, max_attempts=1, host="a", started_at_ms=0, beat_at_ms=now_ms() - 2**24, stage="train"
    )
    LocalStore(tmp_path).put("runs/trained/windows/0/attempts/1.json", record_bytes(record))
    assert run_status(tmp_path, "trained") is ExitCode.DONE
    out = capsys.readouterr().out
    assert "due" in out and "lost" not in out
    assert out.splitlines()[-1] == "A basic training: the same command starts it again."


def test_list_says_which_runs_are_trainings(
    training: PlanRecord, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """In the place of a verdict, which a basic training has none of."""
    note_trained(LocalStore(tmp_path), training)
    assert run_status(tmp_path) is ExitCode.DONE
    row = next(line for line in capsys.readouterr().out.splitlines() if line.startswith("trained"))
    assert "finished" in row and "(basic training)" in row
