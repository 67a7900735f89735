"""How far the windows of a run are, told from what they have written."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

from job.artifacts.keys import RunKeys
from job.artifacts.manifest import read_manifest
from job.artifacts.store import ObjectStore
from job.artifacts.stored_records import parse_record
from job.errors import ExitCode
from job.intervals import DAY_MS, MINUTE_MS
from job.records import AttemptRecord, FailureRecord, PlanRecord

# A heartbeat comes every 30 seconds: five minutes of silence are a dead pod, not a slow network.
SILENT_AFTER_MS = 5 * MINUTE_MS
# Kubernetes waits up to six minutes before it replaces a pod; a queue or a scale-up may take longer.
DUE_FOR_MS = 30 * MINUTE_MS
# A run in which nothing has stirred for a day is nobody's any more, such as that of a Job that was deleted: windows
# that no pod has ever started are then lost, and the others can be stitched. One that comes after all counts again.
ABANDONED_AFTER_MS = DAY_MS
# Who was asked to stop has not failed: Kubernetes replaces an evicted pod without counting.
STOPPED = (ExitCode.CANCELLED, ExitCode.TERMINATED)

State: TypeAlias = Literal["pending", "running", "due", "done", "failed", "lost"]


@dataclass(frozen=True, kw_only=True)
class WindowState:
    """One window: its state, how often it was started, and why it failed.

    ``attempt`` is the last one, of a window that is not done. One that is done ``is_packed`` where all that it found
    also lies in one object, which is not older; ``changed_ms`` is when the last of that was written.
    """

    index: int
    state: State
    num_attempts: int = 0
    is_packed: bool = False
    changed_ms: int = 0
    attempt: AttemptRecord | None = None
    failure: FailureRecord | None = None

    @property
    def is_settled(self) -> bool:
        """Whether nothing more is expected of it."""
        return self.state in ("done", "failed", "lost")

    @property
    def reason(self) -> str:
        """Why it failed, one sentence."""
        if self.failure is not None:
            return self.failure.message
        if self.state != "lost":
            return ""
        return "it was never started" if self.attempt is None else "its last pod fell silent"


def window_states(store: ObjectStore, plan: PlanRecord, *, now_ms: int) -> tuple[WindowState, ...]:
    """The state of every window, from one listing and the small objects that it names of those that are not done.

    Parameters
    ----------
    plan : of a walk-forward; for a basic training see `training_state`.
    """
    keys = RunKeys(plan.run_id)
    modified_ms = {info.key: info.modified_ms for info in store.list(f"{keys.root}windows/")}
    states = tuple(_window_state(store, keys, w.index, modified_ms, now_ms) for w in plan.windows)
    is_abandoned = bool(modified_ms) and now_ms - max(modified_ms.values()) >= ABANDONED_AFTER_MS
    return tuple(replace(s, state="lost") if is_abandoned and s.state == "pending" else s for s in states)


def training_state(store: ObjectStore, plan: PlanRecord, *, now_ms: int) -> WindowState:
    """How far a basic training is.

    Nobody waits for it, so it is never lost: one that was killed is due, since the same command starts it again.
    """
    keys = RunKeys(plan.run_id)
    manifest = read_manifest(store, keys.manifest)
    if manifest is not None:
        return WindowState(index=0, state="done")
    attempts = _attempts(store, keys, 0, {info.key for info in store.list(keys.window(0))})
    if not attempts:
        return WindowState(index=0, state="pending")
    last = attempts[-1]
    if last.ended_at_ms is not None:
        failure = _failure(store, keys, 0)
        return WindowState(index=0, state="due" if failure is None else "failed", attempt=last, failure=failure)
    is_silent = now_ms - last.beat_at_ms >= SILENT_AFTER_MS
    return WindowState(index=0, state="due" if is_silent else "running", attempt=last)


def describe(states: tuple[WindowState, ...]) -> str:
    """``20 of 21 windows, 1 failed: …``, for the headline."""
    counts = Counter(s.state for s in states)
    words = [f"{counts['done']} of {len(states)} windows"]
    bad = [s for s in states if s.state in ("failed", "lost")]
    if bad:
        words.append(f"{len(bad)} failed: " + "; ".join(f"window {s.index}: {s.reason}" for s in bad))
    return ", ".join(words)


def _window_state(
    store: ObjectStore, keys: RunKeys, index: int, modified_ms: Mapping[str, int], now_ms: int
) -> WindowState:
    present = modified_ms.keys()
    if keys.window_manifest(index) in present:
        return _done_state(keys, index, modified_ms)
    attempts = _attempts(store, keys, index, present)
    attempt = attempts[-1] if attempts else None
    failure = _failure(store, keys, index) if keys.window_failure(index) in present else None
    state = _unfinished_state(attempts, failure, now_ms)
    return WindowState(index=index, state=state, num_attempts=len(attempts), attempt=attempt, failure=failure)


def _done_state(keys: RunKeys, index: int, modified_ms: Mapping[str, int]) -> WindowState:
    parts = (keys.window_manifest(index), keys.window_metrics(index), keys.series(index), keys.execution(index))
    changed_ms = max(modified_ms.get(key, 0) for key in parts)
    return WindowState(
        index=index,
        state="done",
        num_attempts=_num_started(keys, index, modified_ms.keys()),
        is_packed=modified_ms.get(keys.finished_window(index), 0) >= changed_ms,
        changed_ms=changed_ms,
    )


def _unfinished_state(attempts: Sequence[AttemptRecord], failure: FailureRecord | None, now_ms: int) -> State:
    if failure is not None:
        return "failed"
    if not attempts:
        return "pending"
    last = attempts[-1]
    silence_ms = now_ms - last.beat_at_ms
    if last.ended_at_ms is None and silence_ms < SILENT_AFTER_MS:
        return "running"
    return "due" if _num_failures(attempts) < last.max_attempts and silence_ms < DUE_FOR_MS else "lost"


def _num_started(keys: RunKeys, index: int, present: Collection[str]) -> int:
    """How often a window was started, told by the names of what its attempts wrote."""
    number = 0
    while keys.attempt(index, number + 1) in present:
        number += 1
    return number


def _num_failures(attempts: Sequence[AttemptRecord]) -> int:
    """Attempts that count as failed, the last one among them unless it was asked to stop."""
    before, last = attempts[:-1], attempts[-1]
    told = last.num_failures
    num_before = sum(each.exit_code not in STOPPED for each in before) if told is None else told
    return num_before + (last.exit_code not in STOPPED)


def _failure(store: ObjectStore, keys: RunKeys, index: int) -> FailureRecord | None:
    key = keys.window_failure(index)
    stored = store.get(key)
    return None if stored is None else parse_record(FailureRecord, stored.data, where=key)


def _attempts(store: ObjectStore, keys: RunKeys, index: int, present: Collection[str]) -> list[AttemptRecord]:
    attempts: list[AttemptRecord] = []
    while (key := keys.attempt(index, len(attempts) + 1)) in present:
        stored = store.get(key)
        if stored is None:
            break
        attempts.append(parse_record(AttemptRecord, stored.data, where=key))
    return attempts
