"""A whole walk-forward on one machine: the plan's windows in parallel, then the finalizer."""

from dataclasses import dataclass

import structlog

from job.artifacts.manifest import read_manifest
from job.errors import TransientError
from job.execution.finalize import Finalization, finalize
from job.execution.null_worlds import run_null_worlds
from job.execution.opening import address_of, open_run, plan_run
from job.execution.parallel import EpochDone, News, WindowEnded, num_processors, run_windows
from job.pipeline import is_done
from job.progress import Tracker, track
from job.records import PlanRecord, SummaryRecord
from job.run.address import RunAddress
from job.run.run import Run
from job.settings.commands import WalkforwardCommand

PARTS = ("block 1", "block 2", "refit")


@dataclass(frozen=True, kw_only=True)
class FinishedRun:
    """A finalized run: what it found, and where its report and the model for use from now on lie.

    ``is_new`` unless the same command had done it.
    """

    run_id: str
    is_new: bool
    summary: SummaryRecord
    report: str
    model: str


def run_walkforward(settings: WalkforwardCommand, conninfo: str, *, title: str = "windows") -> FinishedRun:
    """Plan, run what is not done yet, and finalize.

    Raises
    ------
    DataError
        Where no window succeeded.
    TransientError
        Where another process works on the run.
    """
    plan = plan_run(settings, conninfo)
    with structlog.contextvars.bound_contextvars(run_id=plan.run_id):
        return _run_planned(settings, conninfo, plan, title=title)


def _run_planned(settings: WalkforwardCommand, conninfo: str, plan: PlanRecord, *, title: str) -> FinishedRun:
    address = address_of(settings, plan, conninfo)
    run = open_run(address)
    missing = [w.index for w in plan.windows if not is_done(run, w.index)]
    is_new = bool(missing) or read_manifest(run.store, run.keys.manifest) is None
    if missing:
        num_workers = settings.compute.workers or num_processors()
        with track(title, settings.output) as tracker:
            news = _News(tracker, num_done=len(plan.windows) - len(missing), num_windows=len(plan.windows))
            run_windows(address, missing, num_workers=num_workers, on_news=news.hear)
    summary = _finalized(run, settings) if is_new else _summary(finalize(run))
    if _run_null_worlds(address, settings):
        is_new, summary = True, _finalized(run, settings)
    return FinishedRun(
        run_id=plan.run_id,
        is_new=is_new,
        summary=summary,
        report=f"{run.store.location}/{run.keys.report}",
        model=f"{run.store.location}/{run.keys.best_model_final(plan.stamp)}",
    )


def _finalized(run: Run, settings: WalkforwardCommand) -> SummaryRecord:
    with track("finalizing", settings.output) as tracker:
        return _summary(finalize(run, tracker=tracker))


def _run_null_worlds(address: RunAddress, settings: WalkforwardCommand) -> bool:
    """Run the null worlds that were asked for and are not done; return whether there were any."""
    num_worlds = settings.worlds.null_worlds
    if not num_worlds:
        return False
    num_workers = settings.compute.workers or num_processors()
    with track("null worlds", settings.output) as tracker:
        return run_null_worlds(address, num_worlds=num_worlds, num_workers=num_workers, tracker=tracker) > 0


def _summary(finalization: Finalization) -> SummaryRecord:
    if finalization.summary is None:
        busy = ", ".join(f"{s.index} ({s.state})" for s in finalization.states if not s.is_settled)
        raise TransientError(
            f"Windows {busy} are not settled: another process works on this run.",
            remedy="Try again when it has ended, or use another --run-id.",
        )
    return finalization.summary


class _News:
    """Turns workers' news into progress."""

    def __init__(self, tracker: Tracker, *, num_done: int, num_windows: int) -> None:
        self._tracker, self._num_done, self._num_windows = tracker, num_done, num_windows
        tracker.advance_to(num_done, num_windows, note="starting")  # seconds pass before the first epoch

    def hear(self, news: News) -> None:
        if isinstance(news, WindowEnded):
            self._num_done += 1
            self._tracker.advance_to(self._num_done, self._num_windows, note=self._ended(news))
        else:
            self._tracker.advance_to(self._num_done, self._num_windows, note=self._at_epoch(news))

    def _ended(self, news: WindowEnded) -> str:
        return f"window {news.index} " + ("done" if news.error is None else f"failed: {news.error.message}")

    def _at_epoch(self, news: EpochDone) -> str:
        return f"window {news.index}, {PARTS[news.part]}, epoch {news.epoch + 1}, loss {news.loss:.4f}"
