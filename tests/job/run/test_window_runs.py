"""Tests of the one object that says how all windows ran."""

from pathlib import Path

from job.artifacts.folder import LocalStore
from job.artifacts.keys import RunKeys
from job.artifacts.stored_records import parse_record
from job.records import AttemptRecord, ExecutionRecord, FailureRecord, RunExecutionRecord, WindowRunRecord
from job.run.state import WindowState
from job.run.window_runs import note_window_runs


def attempt(index: int, *, number: int, ended_at_ms: int | None) -> AttemptRecord:
    """One that began at second one."""
    return AttemptRecord(
        index=index,
        attempt=number,
        max_attempts=3,
        host="pod",
        started_at_ms=1_000,
        beat_at_ms=2_000,
        ended_at_ms=ended_at_ms,
        exit_code=None if ended_at_ms is None else 75,
        stage="train",
    )


def test_each_window_says_how_it_ended(tmp_path: Path) -> None:
    """Done with and without a word of its pod, failed for good, fallen silent, and never started."""
    store, keys = LocalStore(tmp_path), RunKeys("r")
    execution = ExecutionRecord(
        index=0,
        attempt=2,
        host="pod",
        cpu="x",
        device="cpu",
        started_at_ms=1_000,
        ended_at_ms=4_500,
        seconds_by_stage={},
    )
    failure = FailureRecord(index=2, exit_code=65, message="Bad.", remedy="Mend it.")
    note_window_runs(
        store,
        keys,
        [
            WindowState(index=0, state="done", num_attempts=2),
            WindowState(index=1, state="done", num_attempts=1),
            WindowState(
                index=2,
                state="failed",
                num_attempts=3,
                attempt=attempt(2, number=3, ended_at_ms=9_000),
                failure=failure,
            ),
            WindowState(index=3, state="lost", num_attempts=1, attempt=attempt(3, number=1, ended_at_ms=None)),
            WindowState(index=4, state="lost"),
        ],
        {0: execution},
    )
    stored = store.get(keys.execution_of_windows)
    assert stored is not None
    record = parse_record(RunExecutionRecord, stored.data, where="execution.json")
    assert record.windows == {
        "0": WindowRunRecord(num_attempts=2, seconds=3.5, exit_code=0),
        "1": WindowRunRecord(num_attempts=1, seconds=None, exit_code=0),
        "2": WindowRunRecord(num_attempts=3, seconds=8.0, exit_code=65),
        "3": WindowRunRecord(num_attempts=1, seconds=None, exit_code=None),
        "4": WindowRunRecord(num_attempts=0, seconds=None, exit_code=None),
    }
