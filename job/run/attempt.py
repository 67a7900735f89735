"""One start of one window, as others see it: a heartbeat while it lives, and how it ended.

Heartbeats are how a finalizer tells a window that is still being worked on from one whose pod has died. They say
how a run went, never what it found, so they stay outside every manifest.
"""

import contextvars
import platform
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Self

import structlog

from job.artifacts.keys import RunKeys
from job.artifacts.store import CreateOutcome, ObjectStore
from job.artifacts.stored_records import parse_record, record_bytes
from job.errors import ExitCode, JobError, exit_code_of
from job.intervals import SECOND_MS
from job.records import AttemptRecord, ExecutionRecord, FailureRecord

BEAT_SECONDS = 30.0
# A beat that a store far away is holding up is not waited for: who was asked to leave has little time.
LAST_BEAT_SECONDS = 10.0
# Who was asked to stop has not failed, however often it happens.
STOPPED = (ExitCode.CANCELLED, ExitCode.TERMINATED)


def now_ms() -> int:
    """The wall clock, UTC milliseconds."""
    return time.time_ns() // (SECOND_MS * 1_000)


class Attempt:
    """Claims the next attempt number of a window, beats until it ends, and notes how.

    Parameters
    ----------
    store, keys, index : which window.
    max_attempts : after this many, a failure is final whatever its cause; those that were stopped do not count.
    num_failures : attempts before this one that count as failed, where somebody keeps count, as Kubernetes does; None
        for those that the store knows of. A pod whose node has vanished looks failed there, and was not.
    """

    def __init__(
        self, store: ObjectStore, keys: RunKeys, index: int, *, max_attempts: int, num_failures: int | None = None
    ) -> None:
        self._store, self._keys = store, keys
        self._num_stopped = 0
        self._seconds: dict[str, float] = {}
        self._ended = threading.Event()
        self._lock = threading.Lock()
        started = now_ms()
        self._record = AttemptRecord(
            index=index,
            attempt=0,
            max_attempts=max_attempts,
            num_failures=num_failures,
            host=platform.node(),
            started_at_ms=started,
            beat_at_ms=started,
            stage="start",
        )
        here = contextvars.copy_context()  # the names of run and window, for whatever a beat may log
        self._beats = threading.Thread(target=here.run, args=(self._beat,), name=f"heartbeat-{index}", daemon=True)

    def __enter__(self) -> Self:
        number = 1
        while True:
            record = self._record.model_copy(update={"attempt": number})
            key = self._keys.attempt(record.index, number)
            creation = self._store.create(key, record_bytes(record))
            if creation.outcome is CreateOutcome.CREATED:
                break
            earlier = parse_record(AttemptRecord, creation.stored.data, where=key)
            self._num_stopped += earlier.exit_code in STOPPED
            number += 1
        self._record = record
        self._beats.start()
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self._ended.set()
        self._beats.join(LAST_BEAT_SECONDS)
        code = exit_code_of(error)
        self._record = self._record.model_copy(update={"ended_at_ms": now_ms(), "exit_code": int(code)})
        try:
            self._write()
            if error is not None and self._is_final(code):
                self._store.put(self._keys.window_failure(self._record.index), record_bytes(self._failure(error, code)))
        except JobError as unnoted:
            # What happened is the news, not that it could not be noted: silence will tell the others.
            structlog.get_logger().warning("attempt_end_not_noted", reason=unnoted.message)

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Note what is being done, and how long it takes."""
        self._update(stage=name, epoch=None)
        started = time.monotonic()
        try:
            yield
        finally:
            seconds = time.monotonic() - started
            self._seconds[name] = self._seconds.get(name, 0.0) + seconds
            structlog.get_logger().debug("stage_ended", stage=name, seconds=round(seconds, 3))

    def at_epoch(self, epoch: int) -> None:
        """Note how far training is; stored with the next beat."""
        self._update(epoch=epoch)

    @property
    def is_first(self) -> bool:
        """Whether nobody has begun this window before."""
        return self._record.attempt == 1

    @property
    def record(self) -> AttemptRecord:
        """How it goes, or went."""
        return self._record

    @property
    def seconds_by_stage(self) -> dict[str, float]:
        """How long each stage has taken so far."""
        return {name: round(seconds, 3) for name, seconds in self._seconds.items()}

    def execution(self, *, cpu: str, device: str) -> ExecutionRecord:
        """How this attempt ran, for `execution.json`."""
        return ExecutionRecord(
            index=self._record.index,
            attempt=self._record.attempt,
            host=self._record.host,
            cpu=cpu,
            device=device,
            started_at_ms=self._record.started_at_ms,
            ended_at_ms=now_ms(),
            seconds_by_stage=self.seconds_by_stage,
        )

    def _is_final(self, code: ExitCode) -> bool:
        if code in (ExitCode.DATA, ExitCode.NO_DATA):
            return True
        told = self._record.num_failures
        num_failures = self._record.attempt - 1 - self._num_stopped if told is None else told
        return code not in STOPPED and num_failures + 1 >= self._record.max_attempts

    def _failure(self, error: BaseException, code: ExitCode) -> FailureRecord:
        if isinstance(error, JobError):
            message, remedy = error.message, error.remedy
        else:
            message = f"{type(error).__name__} in stage {self._record.stage}."
            remedy = "Run the window again with --debug."
        return FailureRecord(index=self._record.index, exit_code=int(code), message=message, remedy=remedy)

    def _update(self, **changes: object) -> None:
        with self._lock:
            self._record = self._record.model_copy(update=changes)

    def _beat(self) -> None:
        while not self._ended.wait(BEAT_SECONDS):
            self._update(beat_at_ms=now_ms())
            try:
                self._write()
            except JobError:
                # A store that is away now may be back for the next beat; the work goes on meanwhile.
                continue

    def _write(self) -> None:
        self._store.put(self._keys.attempt(self._record.index, self._record.attempt), record_bytes(self._record))
