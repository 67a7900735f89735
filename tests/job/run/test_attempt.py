import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from job.artifacts.folder import LocalStore
from job.artifacts.keys import RunKeys
from job.artifacts.store import Creation
from job.artifacts.stored_records import parse_record, record_bytes
from job.errors import (
    Cancelled,
    ConfigError,
    DatabaseUnavailable,
    DataError,
    ExitCode,
    JobError,
    NoDataError,
    StorageUnavailable,
    Terminated,
)
from job.records import AttemptRecord, FailureRecord
from job.run import attempt as attempt_module
from job.run.attempt import Attempt, now_ms

KEYS = RunKeys("a")


def start(store: LocalStore, *, max_attempts: int = 3) -> Attempt:
    """An attempt at window 4."""
    return Attempt(store, KEYS, 4, max_attempts=max_attempts)


def end_with(store: LocalStore, error: BaseException, *, max_attempts: int = 3) -> None:
    """One attempt that ends with an error, which comes through."""
    with pytest.raises(type(error)), start(store, max_attempts=max_attempts):
        raise error


def record_of(store: LocalStore, number: int) -> AttemptRecord:
    """What is stored of an attempt."""
    key = KEYS.attempt(4, number)
    stored = store.get(key)
    assert stored is not None
    return parse_record(AttemptRecord, stored.data, where=key)


def failure_of(store: LocalStore) -> FailureRecord | None:
    """The window's failure, if it has failed for good."""
    stored = store.get(KEYS.window_failure(4))
    return None if stored is None else parse_record(FailureRecord, stored.data, where="failure.json")


@pytest.fixture
def store(tmp_path: Path) -> LocalStore:
    """An empty store."""
    return LocalStore(tmp_path)


def test_attempts_claim_numbers_of_their_own(tmp_path: Path) -> None:
    """Eight that start in the same moment get eight numbers, without a gap."""
    barrier = threading.Barrier(8)

    def claim(_: int) -> int:
        attempt = start(LocalStore(tmp_path))
        barrier.wait()
        with attempt:
            return attempt.execution(cpu="", device="cpu").attempt

    with ThreadPoolExecutor(8) as pool:
        assert sorted(pool.map(claim, range(8))) == list(range(1, 9))


def test_attempt_beats_while_it_lives(store: LocalStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """Others see stage, epoch and a fresh heartbeat; when it ends, how long it took and that it ended well."""
    monkeypatch.setattr(attempt_module, "BEAT_SECONDS", 0.01)
    before = now_ms()
    with start(store) as attempt, attempt.stage("train"):
        attempt.at_epoch(7)
        deadline = time.monotonic() + 10
        while record_of(store, 1).epoch != 7 and time.monotonic() < deadline:
            time.sleep(0.01)
        alive = record_of(store, 1)
        assert (alive.stage, alive.epoch, alive.ended_at_ms, alive.exit_code) == ("train", 7, None, None)
        assert before <= alive.started_at_ms <= alive.beat_at_ms <= now_ms()
    ended = record_of(store, 1)
    assert ended.exit_code == 0
    assert ended.ended_at_ms is not None and ended.ended_at_ms >= alive.beat_at_ms
    assert attempt.seconds_by_stage["train"] > 0
    assert failure_of(store) is None
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("heartbeat")]


def test_heartbeat_outlives_a_store_that_is_away(store: LocalStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """Beats that fail are followed by beats that do not; the work never hears of it."""
    monkeypatch.setattr(attempt_module, "BEAT_SECONDS", 0.01)
    put, num_tries = store.put, []

    def away_at_first(key: str, data: bytes) -> str:
        num_tries.append(key)
        if len(num_tries) < 3:
            raise StorageUnavailable("It is away.")
        return put(key, data)

    monkeypatch.setattr(store, "put", away_at_first)
    with start(store):
        first = record_of(store, 1).beat_at_ms
        deadline = time.monotonic() + 10
        while record_of(store, 1).beat_at_ms == first and time.monotonic() < deadline:
            time.sleep(0.01)
        assert record_of(store, 1).beat_at_ms > first


@pytest.mark.parametrize("error", [DataError("Changed.", remedy="Use a new run id."), NoDataError("Too little.")])
def test_bad_data_fails_for_good_at_once(store: LocalStore, error: JobError) -> None:
    """No other attempt can mend a window's own data: the first one notes the failure, with its sentence."""
    end_with(store, error)
    failure = failure_of(store)
    assert failure == FailureRecord(index=4, exit_code=int(error.exit_code), message=error.message, remedy=error.remedy)
    assert record_of(store, 1).exit_code == error.exit_code


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (DatabaseUnavailable("Away."), ExitCode.UNAVAILABLE),
        (ConfigError("No bucket."), ExitCode.CONFIG),
        (ZeroDivisionError("a secret"), ExitCode.BUG),
    ],
)
def test_other_errors_fail_for_good_at_the_last_attempt(store: LocalStore, error: Exception, code: ExitCode) -> None:
    """Each attempt notes its code; only the last one notes the failure, and never the text of a foreign error."""
    for number in (1, 2):
        end_with(store, error)
        assert record_of(store, number).exit_code == code
        assert failure_of(store) is None
    end_with(store, error)
    failure = failure_of(store)
    assert failure is not None and failure.exit_code == code
    assert "secret" not in failure.message


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (Terminated("Stopped."), ExitCode.TERMINATED),
        (Cancelled("Stopped."), ExitCode.CANCELLED),
        (KeyboardInterrupt(), ExitCode.CANCELLED),
    ],
)
def test_being_stopped_is_no_failure(store: LocalStore, error: BaseException, code: ExitCode) -> None:
    """However often a window is stopped, it keeps its attempts."""
    for number in range(1, 5):
        end_with(store, error, max_attempts=2)
        assert record_of(store, number).exit_code == code
    assert failure_of(store) is None
    end_with(store, DatabaseUnavailable("Away."), max_attempts=2)
    assert failure_of(store) is None
    end_with(store, DatabaseUnavailable("Away."), max_attempts=2)
    assert failure_of(store) is not None


def test_end_that_cannot_be_noted_hides_nothing(store: LocalStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the store is away too, the error of the work comes through, and a success stays one."""

    def away(_key: str, _data: bytes) -> str:
        raise StorageUnavailable("It is away.")

    monkeypatch.setattr(store, "put", away)
    with pytest.raises(DataError, match="Changed"), start(store):
        raise DataError("Changed.")
    with start(store):
        pass


def test_claim_needs_the_store(store: LocalStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """An attempt that nobody could see is not begun."""

    def away(_key: str, _data: bytes) -> Creation:
        raise StorageUnavailable("It is away.")

    monkeypatch.setattr(store, "create", away)
    with pytest.raises(StorageUnavailable), start(store):
        raise AssertionError("the work began")


def test_attempts_go_on_from_those_that_were_killed(store: LocalStore) -> None:
    """A pod that was killed has left a record without an end; it counts, since it may have been its own fault."""
    for number in (1, 2):
        killed = AttemptRecord(
            index=4, attempt=number, max_attempts=3, host="a", started_at_ms=0, beat_at_ms=0, stage="train"
        )
        store.put(KEYS.attempt(4, number), record_bytes(killed))
    end_with(store, DatabaseUnavailable("Away."))
    assert record_of(store, 3).exit_code == ExitCode.UNAVAILABLE
    assert failure_of(store) is not None


def test_failures_that_kubernetes_has_counted_decide(store: LocalStore) -> None:
    """A pod whose node vanished looks failed in the store, and was not: the third of three starts is not the last."""
    for _ in range(2):
        attempt = start(store)
        attempt.__enter__()  # and no more is heard of it
        attempt._ended.set()
    with pytest.raises(DatabaseUnavailable), Attempt(store, KEYS, 4, max_attempts=3, num_failures=0):
        raise DatabaseUnavailable("Away.")
    assert failure_of(store) is None
    with pytest.raises(DatabaseUnavailable), Attempt(store, KEYS, 4, max_attempts=3, num_failures=2):
        raise DatabaseUnavailable("Away.")
    assert failure_of(store) is not None
    assert [record_of(store, number).num_failures for number in (3, 4)] == [0, 2]
