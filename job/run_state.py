"""How far the windows of a run are, told from what they have written."""

from collections import Counter
from dataclasses import dataclass
from typing import Literal, TypeAlias

from job.artifacts.keys import RunKeys
from job.artifacts.manifest import read_manifest
from job.artifacts.store import ObjectStore
from job.artifacts.stored_records import parse_record
from job.intervals import MINUTE_MS
from job.records import AttemptRecord, FailureRecord, PlanRecord

# A heartbeat comes every 30 seconds: five minutes of silence are a dead pod, not a slow network.
SILENT_AFTER_MS = 5 * MINUTE_MS
# Kubernetes waits up to six minutes before it replaces a pod; a queue or a scale-up may take longer.
DUE_FOR_MS = 30 * MINUTE_MS

State: TypeAlias = Literal["pending", "running", "due", "done", "failed", "lost"]


@dataclass(frozen=True, kw_only=True)
class WindowState:
    """One window: its state, its last attempt, and why it failed."""

    index: int
    state: State
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
        return "its last pod fell silent" if self.state == "lost" else ""


def window_states(store: ObjectStore, plan: PlanRecord, *, now_ms: int) -> tuple[WindowState, ...]:
    """The state of every window, from one listing and the small objects that it names."""
    keys = RunKeys(plan.run_id)
    present = {info.key for info in store.list(f"{keys.root}windows/")}
    return tuple(_window_state(store, keys, w.index, present, now_ms) for w in plan.windows)


def describe(states: tuple[WindowState, ...]) -> str:
    """``20 of 21 windows, 1 failed: …``, for the headline."""
    counts = Counter(s.state for s in states)
    words = [f"{counts['done']} of {len(states)} windows"]
    bad = [s for s in states if s.state in ("failed", "lost")]
    if bad:
        words.append(f"{len(bad)} failed: " + "; ".join(f"window {s.index}: {s.reason}" for s in bad))
    return ", ".join(words)


def _window_state(store: ObjectStore, keys: RunKeys, index: int, present: set[str], now_ms: int) -> WindowState:
    if keys.window_manifest(index) in present and read_manifest(store, keys.window_manifest(index)) is not None:
        return WindowState(index=index, state="done")
    attempt = _last_attempt(store, keys, index, present)
    if keys.window_failure(index) in present:
        stored = store.get(keys.window_failure(index))
        if stored is not None:
            failure = parse_record(FailureRecord, stored.data, where=keys.window_failure(index))
            return WindowState(index=index, state="failed", attempt=attempt, failure=failure)
    if attempt is None:
        return WindowState(index=index, state="pending")
    silence_ms = now_ms - attempt.beat_at_ms
    if attempt.ended_at_ms is None and silence_ms < SILENT_AFTER_MS:
        return WindowState(index=index, state="running", attempt=attempt)
    is_due = attempt.attempt < attempt.max_attempts and silence_ms < DUE_FOR_MS
    return WindowState(index=index, state="due" if is_due else "lost", attempt=attempt)


def _last_attempt(store: ObjectStore, keys: RunKeys, index: int, present: set[str]) -> AttemptRecord | None:
    number = 0
    while keys.attempt(index, number + 1) in present:
        number += 1
    if number == 0:
        return None
    key = keys.attempt(index, number)
    stored = store.get(key)
    return parse_record(AttemptRecord, stored.data, where=key) if stored is not None else None
