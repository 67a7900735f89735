"""Windows side by side on one machine: worker processes that each take the next window, as pods would.

Workers are processes, one thread each, because that is what makes a run here equal to a run in a cluster byte for
byte. A worker that dies (out of memory, say) costs its window one attempt and is replaced.
"""

import logging
import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import TypeAlias

import structlog

from job import interruption
from job.artifacts.keys import RunKeys
from job.artifacts.opening import open_store
from job.artifacts.stored_records import record_bytes
from job.errors import DataError, ExitCode, Interrupted, JobError, NoDataError, Terminated, TransientError
from job.logs import hand_over_logs, is_interactive
from job.records import FailureRecord
from job.run.address import RunAddress

MAX_ATTEMPTS = 3
POLL_SECONDS = 0.2
STOP_SECONDS = 30.0
CPU_QUOTA = Path("/sys/fs/cgroup/cpu.max")  # microseconds of processor time, and of wall time


@dataclass(frozen=True, kw_only=True)
class EpochDone:
    """A worker's news: one epoch of a window's traded model."""

    index: int
    part: int
    epoch: int
    loss: float


@dataclass(frozen=True, kw_only=True)
class WindowEnded:
    """A worker's news: its window is done, or failed with this error."""

    index: int
    error: JobError | None


News: TypeAlias = EpochDone | WindowEnded


@dataclass(frozen=True, kw_only=True)
class LogLine:
    """A worker's news that the process it works for logs as its own: the event with all that is bound to it."""

    event: Mapping[str, object]


@dataclass(kw_only=True)
class _Worker:
    process: BaseProcess
    pipe: "Connection[int | None, News | LogLine]"
    index: int | None = None


def run_windows(
    address: RunAddress,
    indexes: Sequence[int],
    *,
    num_workers: int,
    on_news: Callable[[News], None],
) -> None:
    """Run windows in worker processes until each is done or has failed for good.

    Parameters
    ----------
    address : where the run is.
    indexes : windows to run, in order.
    num_workers : processes at once.
    on_news : is told of each epoch and each end.

    Raises
    ------
    JobError
        What concerns every window alike (settings, database, store) ends the run; a window whose own data is bad
        does not.
    """
    pool = _Pool(address, list(indexes), on_news)
    try:
        pool.run(min(num_workers, len(indexes)))
    finally:
        pool.stop()


def num_processors() -> int:
    """Processors that this process may use: those it may run on, and no more than its container's share of time."""
    num_allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else (os.cpu_count() or 1)
    try:
        quota, period = (int(number) for number in CPU_QUOTA.read_text().split())
    except (OSError, ValueError):  # no such file, or `max` in it: no limit
        return num_allowed
    return max(1, min(num_allowed, quota // period))


class _Pool:
    def __init__(self, address: RunAddress, waiting: list[int], on_news: Callable[[News], None]) -> None:
        self._address, self._waiting, self._on_news = address, waiting, on_news
        self._num_failures: dict[int, int] = {}
        self._workers: list[_Worker] = []

    def run(self, num_workers: int) -> None:
        while self._waiting or any(w.index is not None for w in self._workers):
            interruption.check()
            self._hand_out(num_workers)
            ready = wait([w.pipe for w in self._workers], timeout=POLL_SECONDS)
            for worker in [w for w in self._workers if w.pipe in ready]:
                self._listen(worker)

    def stop(self) -> None:
        """End every worker: at once where it is idle, as soon as it can leave its window where it is not."""
        for worker in self._workers:
            if worker.index is not None:
                worker.process.terminate()
            _send(worker, None)
        deadline = time.monotonic() + STOP_SECONDS
        for worker in self._workers:
            worker.process.join(max(0.0, deadline - time.monotonic()))
            if worker.process.is_alive():
                worker.process.kill()
                worker.process.join()
            worker.pipe.close()

    def _hand_out(self, num_workers: int) -> None:
        idle = [w for w in self._workers if w.index is None]
        while len(idle) < len(self._waiting) and len(self._workers) < num_workers:
            idle.append(self._start())
        for worker in idle[: len(self._waiting)]:
            worker.index = self._waiting.pop(0)
            _send(worker, worker.index)

    def _start(self) -> _Worker:
        context = multiprocessing.get_context("spawn")
        ours, theirs = context.Pipe()
        process = context.Process(target=_work, args=(self._address, theirs), daemon=True)
        process.start()
        theirs.close()
        worker = _Worker(process=process, pipe=ours)
        self._workers.append(worker)
        return worker

    def _listen(self, worker: _Worker) -> None:
        try:
            news = worker.pipe.recv()
        except (EOFError, OSError):
            self._bury(worker)
            return
        if isinstance(news, LogLine):
            _log(news)
            return
        if isinstance(news, WindowEnded):
            worker.index = None
            if news.error is not None and not isinstance(news.error, DataError | NoDataError):
                if not isinstance(news.error, TransientError) or not self._may_retry(news.index):
                    raise news.error
                self._waiting.append(news.index)
                return
        self._on_news(news)

    def _bury(self, worker: _Worker) -> None:
        """A worker died: give its window to another, or note the failure that it could not note itself."""
        worker.process.join()
        self._workers.remove(worker)
        worker.pipe.close()
        if worker.index is None:
            return
        if self._may_retry(worker.index):
            structlog.get_logger().warning(
                "worker_died", window_index=worker.index, exit_code=worker.process.exitcode, retried=True
            )
            self._waiting.append(worker.index)
            return
        failure = FailureRecord(
            index=worker.index,
            exit_code=int(ExitCode.BUG),
            message=f"Its process ended with {_ending(worker.process)} in the last of {MAX_ATTEMPTS} attempts.",
            remedy="Give it more memory, or lower --workers.",
        )
        store = open_store(self._address.save_path)
        store.put(RunKeys(self._address.run_id).window_failure(worker.index), record_bytes(failure))
        self._on_news(WindowEnded(index=worker.index, error=DataError(failure.message, remedy=failure.remedy)))

    def _may_retry(self, index: int) -> bool:
        self._num_failures[index] = self._num_failures.get(index, 0) + 1
        return self._num_failures[index] < MAX_ATTEMPTS


def _log(line: LogLine) -> None:
    """Log a worker's event; who watches a bar need not read of each window, unless that is asked for."""
    fields = dict(line.event)
    name, level = fields.pop("event"), logging.getLevelNamesMapping()[str(fields.pop("level")).upper()]
    shown = logging.DEBUG if level == logging.INFO and is_interactive() else level
    structlog.get_logger().log(shown, name, **fields)


def _send(worker: _Worker, message: int | None) -> None:
    with suppress(OSError):  # a worker that has died says so at the other end of `wait`
        worker.pipe.send(message)


def _ending(process: BaseProcess) -> str:
    code = process.exitcode or 0
    return f"exit code {code}" if code >= 0 else f"signal {-code} ({signal.strsignal(-code)})"


class _Wire:
    """A worker's end of the pipe; heartbeats and the window itself may speak at once."""

    def __init__(self, pipe: "Connection[News | LogLine, int | None]") -> None:
        self._pipe, self._lock = pipe, threading.Lock()

    def recv(self) -> int | None:
        return self._pipe.recv()

    def send(self, news: News | LogLine) -> None:
        with self._lock:
            self._pipe.send(news)

    def log(self, event: Mapping[str, object]) -> None:
        """Have the parent log it, which knows how; who logs must not fail for it."""
        with suppress(OSError):
            self.send(LogLine(event=dict(event)))


def _work(address: RunAddress, pipe: "Connection[News | LogLine, int | None]") -> None:
    """Take windows until told to stop, or until the parent is gone."""
    signal.signal(signal.SIGTERM, interruption.request_termination)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; the parent passes it on
    wire = _Wire(pipe)
    hand_over_logs(wire.log)
    try:
        while (index := wire.recv()) is not None:
            error = _run_one(address, index, wire)
            if isinstance(error, Interrupted):
                return
            wire.send(WindowEnded(index=index, error=error))
    except (EOFError, OSError):
        return


def _run_one(address: RunAddress, index: int, wire: _Wire) -> JobError | None:
    from job.execution.opening import open_run
    from job.execution.window_attempt import attempt_window

    def tell(part: int, epoch: int, loss: float) -> None:
        try:
            wire.send(EpochDone(index=index, part=part, epoch=epoch, loss=loss))
        except OSError as error:
            raise Terminated("The process that this worker works for has gone.") from error

    try:
        attempt_window(open_run(address), index, max_attempts=MAX_ATTEMPTS, on_progress=tell)
    except JobError as error:
        return error
    except Exception as error:  # noqa: BLE001 - whatever it is, the parent must hear of it
        structlog.get_logger().exception("worker_failed", window_index=index)
        return JobError(f"This is a bug in lorentzian: {type(error).__name__} in window {index}.")
    return None
