"""The procedure of a run on markets in which nothing can be forecast: a process a world, each result stored at once.

A run that is killed goes on with the worlds that are missing. `finalize` reads whatever is stored.
"""

import multiprocessing
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from multiprocessing.connection import Connection as Pipe
from multiprocessing.connection import wait
from multiprocessing.process import BaseProcess

import structlog

from job import interruption
from job.artifacts.stored_records import record_bytes
from job.data.kline_table import read_klines
from job.data.klines import Klines
from job.data.postgres import Connection, connect
from job.dataset import load_funding
from job.errors import Interrupted, JobError, TransientError
from job.evaluation.performance import headline_measures
from job.execution.opening import open_run
from job.intervals import DAY_MS
from job.logs import configure_logs
from job.progress import Tracker
from job.records import NullWorldRecord, PlanRecord, ProcedureRecord
from job.rehearsal import Rehearsal, rehearse_plan
from job.replay import join_tests, replay
from job.robustness.null_worlds import null_world
from job.rules import market_key, trading_rules
from job.run.address import RunAddress
from job.run.cuts import MAX_LOOKBACK_DAYS
from job.run.finalized import stored_null_worlds
from job.run.plan import check_unchanged
from job.run.run import Run
from job.window_results import measure_records
from job.windows import Span

POLL_SECONDS = 0.2
STOP_SECONDS = 30.0


def run_null_worlds(address: RunAddress, *, num_worlds: int, num_workers: int, tracker: Tracker) -> int:
    """Run those of the first ``num_worlds`` that are not stored yet; returns how many those were.

    Parameters
    ----------
    num_workers : worlds at once.
    tracker : is told of each window of each world.

    Raises
    ------
    DataError
        Where the stored data changed since the plan.
    TransientError
        Where a world's process died; what was done is kept.
    """
    run = open_run(address)
    done = {world.index for world in stored_null_worlds(run.store, run.keys)}
    missing = [index for index in range(num_worlds) if index not in done]
    waiting, workers = list(missing), list[_Worker]()
    progress = _Progress(tracker, run.plan, num_done=num_worlds - len(missing), num_worlds=num_worlds)
    with _stopped_at_the_end(workers):
        while waiting or workers:
            interruption.check()
            while waiting and len(workers) < num_workers:
                workers.append(_start(address, waiting.pop(0)))
            ready = wait([worker.pipe for worker in workers], timeout=POLL_SECONDS)
            for worker in [each for each in workers if each.pipe in ready]:
                if _listen(worker, progress):
                    workers.remove(worker)
    return len(missing)


def rehearse_null_world(run: Run, index: int) -> Rehearsal:
    """The run's own windows over one null world, which pays the funding that the real one pays.

    Raises
    ------
    DataError
        Where the stored data changed since the plan.
    """
    planned = Span(start_ms=run.plan.windows[0].train_start_ms, end_ms=run.plan.end_ms)
    with connect(run.conninfo) as connection:
        check_unchanged(connection, run.plan, planned)
        markets = _read_markets(connection, run.plan.procedure, planned)
        funding = load_funding(connection, run.plan.procedure, planned)
    world = null_world(markets, seed=run.plan.procedure.model.seed, index=index)
    return rehearse_plan(world, run.plan, funding=funding)


def _read_markets(connection: Connection, procedure: ProcedureRecord, planned: Span) -> dict[str, Klines]:
    """Bars of the traded market and its context, from where the features of the first window begin to warm up."""
    key, market = market_key(procedure), procedure.market
    start_ms = planned.start_ms - (MAX_LOOKBACK_DAYS + 1) * DAY_MS
    return {
        symbol: read_klines(connection, replace(key, symbol=symbol), start_ms=start_ms, end_ms=planned.end_ms)
        for symbol in (market.symbol, *market.context_symbols)
    }


def _run_world(run: Run, index: int, pipe: "Pipe[int | JobError, None]") -> None:
    rehearsal = rehearse_null_world(run, index)
    series = []
    for number, window in enumerate(rehearsal.windows(with_baselines=False)):
        series.append(window.series)
        pipe.send(number + 1)
    account = replay(join_tests(series), run.traded_model, trading_rules(run.plan.procedure))
    measures = measure_records(headline_measures(account))
    record = NullWorldRecord(
        index=index,
        sharpe_ratio=measures["sharpe_ratio"],
        total_return=measures["total_return"],
        num_trades=len(account.trades),
    )
    run.store.put(run.keys.null_world(index), record_bytes(record))


@dataclass(frozen=True, kw_only=True)
class _Worker:
    index: int
    process: BaseProcess
    pipe: "Pipe[None, int | JobError]"


class _Progress:
    """Counts windows, so that the time left is known before the first world is done."""

    def __init__(self, tracker: Tracker, plan: PlanRecord, *, num_done: int, num_worlds: int) -> None:
        self._tracker, self._num_windows, self._num_worlds = tracker, len(plan.windows), num_worlds
        self._num_done, self._running = num_done, dict[int, int]()
        self._tell("")

    def window_done(self, world: int, number: int) -> None:
        self._running[world] = number
        self._tell(f"world {world}, window {number} of {self._num_windows}")

    def world_done(self, world: int) -> None:
        self._running.pop(world, None)
        self._num_done += 1
        self._tell(f"world {world} done, {self._num_done} of {self._num_worlds}")

    def _tell(self, note: str) -> None:
        done = self._num_done * self._num_windows + sum(self._running.values())
        self._tracker.advance_to(done, self._num_worlds * self._num_windows, note=note)


def _start(address: RunAddress, index: int) -> _Worker:
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_work, args=(address, index, theirs), daemon=True)
    process.start()
    theirs.close()
    return _Worker(index=index, process=process, pipe=ours)


def _listen(worker: _Worker, progress: _Progress) -> bool:
    """Hear one message of a worker; return whether it was the last."""
    try:
        news = worker.pipe.recv()
    except (EOFError, OSError):
        worker.process.join()
        worker.pipe.close()
        if worker.process.exitcode:
            raise TransientError(
                f"The process of null world {worker.index} ended with {worker.process.exitcode}.",
                remedy="Give it more memory, or lower --workers; the same command goes on from what is done.",
            ) from None
        progress.world_done(worker.index)
        return True
    if isinstance(news, JobError):
        raise news
    progress.window_done(worker.index, news)
    return False


@contextmanager
def _stopped_at_the_end(workers: list[_Worker]) -> Iterator[None]:
    """End every worker that still runs when the block is left."""
    try:
        yield
    finally:
        for worker in workers:
            worker.process.terminate()
        for worker in workers:
            worker.process.join(STOP_SECONDS)
            if worker.process.is_alive():
                worker.process.kill()
                worker.process.join()
            worker.pipe.close()


def _work(address: RunAddress, index: int, pipe: "Pipe[int | JobError, None]") -> None:
    """Run one world, and tell the parent of every window, or of what went wrong."""
    signal.signal(signal.SIGTERM, interruption.request_termination)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; the parent passes it on
    configure_logs(log_format="auto", verbose=False, quiet=True)
    try:
        _run_world(open_run(address), index, pipe)
    except BrokenPipeError:  # the parent has gone: nobody waits for this world
        return
    except Interrupted as error:
        sys.exit(int(error.exit_code))
    except JobError as error:
        pipe.send(error)
    except Exception as error:  # noqa: BLE001 - whatever it is, the parent must hear of it
        structlog.get_logger().exception("null_world_failed", index=index)
        pipe.send(JobError(f"This is a bug in lorentzian: {type(error).__name__} in null world {index}."))
