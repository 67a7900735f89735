"""How the windows of a run came to their ends, in one object: whoever shows hundreds of them reads it once."""

from collections.abc import Mapping, Sequence

from job.artifacts.keys import RunKeys
from job.artifacts.store import ObjectStore
from job.artifacts.stored_records import record_bytes
from job.errors import ExitCode
from job.intervals import SECOND_MS
from job.records import ExecutionRecord, RunExecutionRecord, WindowRunRecord
from job.run.state import WindowState


def note_window_runs(
    store: ObjectStore, keys: RunKeys, states: Sequence[WindowState], executions: Mapping[int, ExecutionRecord]
) -> None:
    """Store attempts, seconds and exit code of each window.

    Parameters
    ----------
    states : of a run whose windows are all settled.
    executions : of those that have told how they ran, by index.

    Notes
    -----
    A window whose pod died between its result and the word about it has no seconds.
    """
    runs = {str(state.index): _window_run(state, executions.get(state.index)) for state in states}
    store.put(keys.execution_of_windows, record_bytes(RunExecutionRecord(windows=runs)))


def _window_run(state: WindowState, execution: ExecutionRecord | None) -> WindowRunRecord:
    if state.state == "done":
        return WindowRunRecord(
            num_attempts=state.num_attempts,
            seconds=None if execution is None else (execution.ended_at_ms - execution.started_at_ms) / SECOND_MS,
            exit_code=int(ExitCode.DONE),
        )
    last, failure = state.attempt, state.failure
    ended_ms = None if last is None else last.ended_at_ms
    told = failure.exit_code if failure is not None else last.exit_code if last is not None else None
    return WindowRunRecord(
        num_attempts=state.num_attempts,
        seconds=None if last is None or ended_ms is None else (ended_ms - last.started_at_ms) / SECOND_MS,
        exit_code=told,
    )
