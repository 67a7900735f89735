from pathlib import Path

import pytest

from job.artifacts.folder import LocalStore
from job.artifacts.keys import RunKeys
from job.artifacts.manifest import write_with_manifest
from job.artifacts.stored_records import record_bytes
from job.errors import ExitCode
from job.intervals import MINUTE_MS
from job.records import AttemptRecord, FailureRecord
from job.run.state import (
    ABANDONED_AFTER_MS,
    DUE_FOR_MS,
    SILENT_AFTER_MS,
    State,
    WindowState,
    describe,
    training_state,
    window_states,
)
from tests.support.runs import example_run

PLAN = example_run(3).plan
KEYS = RunKeys(PLAN.run_id)
NOW_MS = PLAN.created_at_ms + 1_000 * MINUTE_MS


@pytest.fixture
def store(tmp_path: Path) -> LocalStore:
    """The store of a run that nobody has worked on."""
    return LocalStore(tmp_path)


def note_attempt(
    store: LocalStore,
    number: int,
    *,
    silent_ms: int,
    code: ExitCode | None = None,
    max_attempts: int = 3,
    num_failures: int | None = None,
) -> None:
    """An attempt at window 1 that beat so long ago, and has ended if it has a code."""
    beat_ms = NOW_MS - silent_ms
    record = AttemptRecord(
        index=1,
        attempt=number,
        max_attempts=max_attempts,
        num_failures=num_failures,
        host="a",
        started_at_ms=beat_ms - MINUTE_MS,
        beat_at_ms=beat_ms,
        ended_at_ms=None if code is None else beat_ms,
        exit_code=code,
        stage="train",
    )
    store.put(KEYS.attempt(1, number), record_bytes(record))


def note_failure(store: LocalStore) -> None:
    """Window 1 has failed for good."""
    failure = FailureRecord(index=1, exit_code=65, message="The data changed.", remedy="")
    store.put(KEYS.window_failure(1), record_bytes(failure))


def finish(store: LocalStore, index: int = 1) -> None:
    """A window's manifest stands."""
    write_with_manifest(store, KEYS.window_manifest(index), {KEYS.series(index): b"x"}, root=KEYS.root, extra={})


def state_of(store: LocalStore, *, later_ms: int = 0) -> WindowState:
    """The state of window 1."""
    return window_states(store, PLAN, now_ms=NOW_MS + later_ms)[1]


def test_untouched_window_is_pending(store: LocalStore) -> None:
    """Nobody has come: it is expected, however long it takes."""
    assert [s.state for s in window_states(store, PLAN, now_ms=NOW_MS)] == ["pending"] * 3
    assert not state_of(store).is_settled


@pytest.mark.parametrize(
    ("silent_ms", "number", "code", "state"),
    [
        (0, 1, None, "running"),
        (SILENT_AFTER_MS - 1, 3, None, "running"),
        (SILENT_AFTER_MS, 1, None, "due"),
        (SILENT_AFTER_MS, 3, None, "lost"),
        (0, 1, ExitCode.UNAVAILABLE, "due"),
        (0, 2, ExitCode.BUG, "due"),
        (DUE_FOR_MS - 1, 2, ExitCode.BUG, "due"),
        (DUE_FOR_MS, 2, ExitCode.BUG, "lost"),
        (0, 3, ExitCode.UNAVAILABLE, "lost"),
        (-MINUTE_MS, 1, None, "running"),
    ],
)
def test_window_is_what_its_last_attempt_says(
    store: LocalStore, silent_ms: int, number: int, code: ExitCode | None, state: State
) -> None:
    """Running while it beats, due while another attempt may come, lost when none can or none came."""
    for earlier in range(1, number):
        note_attempt(store, earlier, silent_ms=silent_ms + earlier * MINUTE_MS, code=ExitCode.BUG)
    note_attempt(store, number, silent_ms=silent_ms, code=code)
    found = state_of(store)
    assert found.state == state
    assert found.attempt is not None and found.attempt.attempt == found.num_attempts == number
    assert found.is_settled == (state == "lost")
    assert bool(found.reason) == (state == "lost")


def test_window_that_was_stopped_is_due_again(store: LocalStore) -> None:
    """An evicted pod comes back, however often it was evicted; after half an hour nobody waits any more."""
    for number in range(1, 6):
        note_attempt(store, number, silent_ms=0, code=ExitCode.TERMINATED)
    assert state_of(store).state == "due"
    note_attempt(store, 6, silent_ms=0, code=ExitCode.BUG)
    note_attempt(store, 7, silent_ms=0, code=ExitCode.BUG)
    assert state_of(store).state == "due"
    assert state_of(store, later_ms=DUE_FOR_MS).state == "lost"
    note_attempt(store, 8, silent_ms=0, code=ExitCode.BUG)
    assert state_of(store).state == "lost"


def test_failure_and_success_settle_a_window(store: LocalStore) -> None:
    """A failure says why; a manifest says more than a failure, and than any attempt that died after it."""
    note_attempt(store, 1, silent_ms=0)
    note_failure(store)
    failed = state_of(store)
    assert (failed.state, failed.is_settled, failed.reason) == ("failed", True, "The data changed.")
    finish(store)
    done = state_of(store)
    assert (done.state, done.is_settled, done.reason, done.num_attempts) == ("done", True, "", 1)
    assert not done.is_packed


def test_window_is_due_again_when_its_manifest_is_deleted(store: LocalStore) -> None:
    """Objects without a manifest are not believed."""
    note_attempt(store, 1, silent_ms=0, code=ExitCode.DONE)
    finish(store)
    store.delete(KEYS.window_manifest(1))
    assert state_of(store).state == "due"


def test_windows_that_nobody_starts_are_lost_with_their_run(store: LocalStore) -> None:
    """A day after the last sign of life in the run they are nobody's; a run that never began is waited for."""
    assert [s.state for s in window_states(store, PLAN, now_ms=2**50)] == ["pending"] * 3
    finish(store, 0)
    last_ms = max(info.modified_ms for info in store.list(KEYS.window(0)))
    waiting = window_states(store, PLAN, now_ms=last_ms + ABANDONED_AFTER_MS - 1)
    assert [s.state for s in waiting] == ["done", "pending", "pending"]
    abandoned = window_states(store, PLAN, now_ms=last_ms + ABANDONED_AFTER_MS)
    assert [s.state for s in abandoned] == ["done", "lost", "lost"]
    assert describe(abandoned) == (
        "1 of 3 windows, 2 failed: window 1: it was never started; window 2: it was never started"
    )


def training_after(store: LocalStore, *, silent_ms: int, code: ExitCode | None) -> WindowState:
    """A basic training whose only attempt beat so long ago."""
    note_attempt(store, 1, silent_ms=silent_ms, code=code, max_attempts=1)
    attempt = store.get(KEYS.attempt(1, 1))
    assert attempt is not None
    store.put(KEYS.attempt(0, 1), attempt.data)
    return training_state(store, PLAN.model_copy(update={"kind": "training"}), now_ms=NOW_MS)


def test_training_is_never_lost(store: LocalStore) -> None:
    """Killed, stopped or failed, the same command starts it again; its end is the run's own manifest."""
    training = PLAN.model_copy(update={"kind": "training"})
    assert training_state(store, training, now_ms=NOW_MS).state == "pending"
    assert training_after(store, silent_ms=0, code=None).state == "running"
    assert training_after(store, silent_ms=100 * DUE_FOR_MS, code=None).state == "due"
    assert training_after(store, silent_ms=100 * DUE_FOR_MS, code=ExitCode.TERMINATED).state == "due"
    failure = FailureRecord(index=0, exit_code=66, message="There is no data.", remedy="")
    store.put(KEYS.window_failure(0), record_bytes(failure))
    failed = training_after(store, silent_ms=0, code=ExitCode.NO_DATA)
    assert (failed.state, failed.reason) == ("failed", "There is no data.")
    assert training_after(store, silent_ms=0, code=None).state == "running"
    write_with_manifest(store, KEYS.manifest, {}, root=KEYS.root, extra={})
    assert training_state(store, training, now_ms=NOW_MS).state == "done"


def test_headline_counts_what_is_missing(store: LocalStore) -> None:
    """How many of how many, and each failure with its reason."""
    finish(store, 0)
    finish(store, 2)
    note_failure(store)
    states = window_states(store, PLAN, now_ms=NOW_MS)
    assert describe(states) == "2 of 3 windows, 1 failed: window 1: The data changed."
    finish(store, 1)
    assert describe(window_states(store, PLAN, now_ms=NOW_MS)) == "3 of 3 windows"


@pytest.mark.parametrize(("num_failures", "expected"), [(0, "due"), (1, "due"), (2, "lost"), (None, "lost")])
def test_failures_that_kubernetes_has_counted_tell_due_from_lost(
    store: LocalStore, num_failures: int | None, expected: State
) -> None:
    """Of three silent attempts some may have been moved, which only Kubernetes knows; untold, each has failed."""
    for number in (1, 2):
        note_attempt(store, number, silent_ms=SILENT_AFTER_MS)
    note_attempt(store, 3, silent_ms=SILENT_AFTER_MS, num_failures=num_failures)
    assert window_states(store, PLAN, now_ms=NOW_MS)[1].state == expected
