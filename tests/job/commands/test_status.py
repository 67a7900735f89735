import json
from pathlib import Path
from typing import Any

import pytest

from job.artifacts.folder import LocalStore
from job.artifacts.stored_records import record_bytes
from job.commands import status
from job.errors import CheckFailed, ConfigError, ExitCode
from job.records import AttemptRecord, FailureRecord, PlanRecord
from job.run.attempt import now_ms
from job.run.index import note_started, note_trained
from job.settings.commands import StatusCommand
from job.settings.operation import OutputSettings, RunSettings, StatusSettings
from job.settings.sources import LoadedSettings
from tests.support.runs import example_run
from tests.support.stored_runs import store_run


@pytest.fixture
def training(tmp_path: Path) -> PlanRecord:
    """A basic training that was planned."""
    plan = example_run(1).plan.model_copy(update={"kind": "training", "run_id": "trained"})
    store = LocalStore(tmp_path)
    store.put("runs/trained/plan.json", record_bytes(plan))
    note_started(store, plan)
    return plan


@pytest.fixture(scope="module")
def mixed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run with a window of every kind: done at the second start, failed for good, running, and not begun."""
    folder = tmp_path_factory.mktemp("mixed")
    store = store_run(example_run(4, failed=(1, 2, 3)), folder, run_id="mixed", is_finished=False)
    for index, number, code in ((0, 1, 75), (0, 2, 0), (1, 1, 65), (2, 1, None)):
        record = AttemptRecord(
            index=index,
            attempt=number,
            max_attempts=3,
            host="pod",
            started_at_ms=now_ms(),
            beat_at_ms=now_ms(),
            ended_at_ms=None if code is None else now_ms(),
            exit_code=code,
            stage="train",
            epoch=4,
        )
        store.put(f"runs/mixed/windows/{index}/attempts/{number}.json", record_bytes(record))
    failure = FailureRecord(index=1, exit_code=65, message="Day 3 changed.", remedy="Plan anew.")
    store.put("runs/mixed/windows/1/failure.json", record_bytes(failure))
    return folder


def run_status(folder: Path, run_id: str | None = None, *, log_format: Any = "text", require: Any = None) -> ExitCode:
    """The command."""
    settings = StatusCommand(
        run=RunSettings(save_path=str(folder), run_id=run_id),
        output=OutputSettings(log_format=log_format),
        status=StatusSettings(require=require),
    )
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


def test_grid_has_every_state_with_its_word(
    mixed: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A letter a window; below, the epoch of who runs, the exit code and remedy of who failed, and who came twice."""
    monkeypatch.setenv("COLUMNS", "200")  # so that no sentence is broken into lines
    assert run_status(mixed, "mixed") is ExitCode.DONE
    out = " ".join(capsys.readouterr().out.split())
    for words in (
        "0 D F R ·",
        "D done (1): finished, with a manifest",
        "65: its data is bad, or changed since the plan 1 1 Day 3 changed. Plan anew.",
        "0 done attempt 2",
        "2 running train, epoch 5, beat",
        "completedIndexes 0",
        "failedIndexes 1",
        "1 of 4 windows, 1 failed: window 1: Day 3 changed., 1 running, 1 pending",
    ):
        assert words in out, words


def test_machines_get_a_line_a_window(mixed: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The same as JSON: a window a line, then what they come to; a list of runs is a line a run."""
    assert run_status(mixed, "mixed", log_format="json") is ExitCode.DONE
    *windows, last = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [window["state"] for window in windows] == ["done", "failed", "running", "pending"]
    assert [window["attempts"] for window in windows] == [2, 1, 1, 0]
    assert (windows[1]["exit_code"], windows[1]["remedy"], windows[2]["epoch"]) == (65, "Plan anew.", 5)
    assert last["states"] == {"done": 1, "failed": 1, "running": 1, "pending": 1}
    assert run_status(mixed, log_format="json") is ExitCode.DONE
    assert [json.loads(line)["run_id"] for line in capsys.readouterr().out.splitlines()] == ["mixed"]


def test_run_can_be_required_to_be_complete(mixed: Path, tmp_path: Path) -> None:
    """Exit code 4 while a window is not done, 0 when all are; without a run there is nothing to require."""
    with pytest.raises(CheckFailed, match="1 of 4 windows"):
        run_status(mixed, "mixed", require="complete")
    store_run(example_run(2), tmp_path, run_id="whole", is_finished=False)
    assert run_status(tmp_path, "whole", require="complete") is ExitCode.DONE
    with pytest.raises(ConfigError, match="which run"):
        run_status(mixed, require="complete")
