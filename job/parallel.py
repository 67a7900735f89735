"""Windows side by side on one machine: worker processes that each take the next window, as pods would.

Workers are processes, one thread each, because that is what makes a run here equal to a run in a cluster byte for
byte. A worker that dies (out of memory, say) costs its window one attempt and is replaced.
"""

import logging
import multiprocessing
import os
import signal
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from typing import TypeAlias

import structlog

from job import interruption
from job.artifacts.keys import RunKeys
from job.artifacts.opening import open_store
from job.artifacts.stored_records import record_bytes
from job.errors import DataError, ExitCode, JobError, NoDataError, TransientError
from job.records import FailureRecord

MAX_ATTEMPTS = 3
POLL_SECONDS = 0.2
STOP_SECONDS = 30.0


@dataclass(frozen=True, kw_only=True)
class RunAddress:
    """What another process needs to open a run."""

    run_id: str
    save_path: str
    ledger_path: str
    conninfo: str
    device: str
    threads: int


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


@dataclass(kw_only=True)
class _Worker:
    process: BaseProcess
    pipe: "Connection[int | None, News]"
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
    """Processors that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else (os.cpu_count() or 1)


class _Pool:
    def __init__(self, address: RunAddress, waiting: list[int], on_news: Callable[[News], None]) -> None:
        self._address, self._waiting, self._on_news = address, waiting, on_news
        self._deaths: dict[int, int] = {}
        self._workers: list[_Worker] = []

    def run(self, num_workers: int) -> None:
        while self._waiting or any(w.index is not None for w in self._workers):
            interruption.check()
            while self._waiting and len(self._workers) < num_workers:
                self._workers.append(self._start())
            for worker in [w for w in self._workers if w.index is None and self._waiting]:
                worker.index = self._waiting.pop(0)
                worker.pipe.send(worker.index)
            ready = wait([w.pipe for w in self._workers], timeout=POLL_SECONDS)
            for worker in [w for w in self._workers if w.pipe in ready]:
                self._listen(worker)

    def stop(self) -> None:
        for worker in self._workers:
            if worker.index is not None and worker.process.is_alive():
                os.kill(worker.process.pid or 0, signal.SIGTERM)
            elif worker.process.is_alive():
                worker.pipe.send(None)
        for worker in self._workers:
            worker.process.join(STOP_SECONDS)
            if worker.process.is_alive():
                worker.process.kill()
                worker.process.join()
            worker.pipe.close()

    def _start(self) -> _Worker:
        context = multiprocessing.get_context("spawn")
        ours, theirs = context.Pipe()
        process = context.Process(target=_work, args=(self._address, theirs), daemon=True)
        process.start()
        theirs.close()
        return _Worker(process=process, pipe=ours)

    def _listen(self, worker: _Worker) -> None:
        try:
            news = worker.pipe.recv()
        except EOFError:
            self._bury(worker)
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
            message=f"Its process died {MAX_ATTEMPTS} times, the last time with exit code {worker.process.exitcode}.",
            remedy="Give it more memory, or lower --workers.",
        )
        store = open_store(self._address.save_path)
        store.put(RunKeys(self._address.run_id).window_failure(worker.index), record_bytes(failure))
        self._on_news(WindowEnded(index=worker.index, error=DataError(failure.message, remedy=failure.remedy)))

    def _may_retry(self, index: int) -> bool:
        self._deaths[index] = self._deaths.get(index, 0) + 1
        return self._deaths[index] < MAX_ATTEMPTS


def _work(address: RunAddress, pipe: "Connection[News, int | None]") -> None:
    """Take windows until told to stop, or until the parent is gone."""
    signal.signal(signal.SIGTERM, interruption.request_termination)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; the parent passes it on
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    try:
        while (index := pipe.recv()) is not None:
            pipe.send(WindowEnded(index=index, error=_run_one(address, index, pipe)))
    except (EOFError, BrokenPipeError):
        return


def _run_one(address: RunAddress, index: int, pipe: "Connection[News, int | None]") -> JobError | None:
    from job.opening import open_run
    from job.window_attempt import attempt_window

    def tell(part: int, epoch: int, loss: float) -> None:
        pipe.send(EpochDone(index=index, part=part, epoch=epoch, loss=loss))

    try:
        attempt_window(open_run(address), index, max_attempts=MAX_ATTEMPTS, on_progress=tell)
    except JobError as error:
        return error
    except (BrokenPipeError, EOFError):
        raise
    except Exception as error:  # noqa: BLE001 - whatever it is, the parent must hear of it
        structlog.get_logger().exception("worker_failed", window_index=index)
        return JobError(f"This is a bug in lorentzian: {type(error).__name__} in window {index}.")
    return None
