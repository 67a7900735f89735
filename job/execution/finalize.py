"""The end of a run: stitch its windows, judge them, refit for use from now on, and write the report.

Every pod tries after its own window, and a sweeper may try later; whoever finds all windows settled does it. The
result is a function of the windows that are done, of the null worlds, and of the trials that the ledger holds in that
moment. A window that succeeds after all is a new set of windows, and finalizes again.

Trials that come later do not: a result must not change by itself when somebody else trains, and a sweep every few
minutes would write every old run anew for each new one. They are counted for whoever asks for it, by name of the run.
What is counted and the manifest's digest of it are the same, so where no trial has come, counting writes nothing. The
final model is a function of the plan: once it is stored whole, it stays what it is.
"""

import hashlib
import time
from collections.abc import Mapping
from dataclasses import dataclass

import structlog
from pydantic import JsonValue

from job import interruption
from job.artifacts.json_bytes import to_json_bytes
from job.artifacts.manifest import read_manifest, verify, write_with_manifest
from job.artifacts.stored_records import parse_record, record_bytes
from job.errors import ConfigError, DataError
from job.execution.final_model import fit_final_model, stored_final_model
from job.execution.finished_windows import FinishedWindow, FinishedWindows
from job.progress import Tracker
from job.records import HoldoutRecord, LedgerResultRecord, NullWorldRecord, SummaryRecord
from job.report.artifacts import report_objects
from job.report.curves import curve_objects
from job.report.summary import summary_record
from job.robustness.examination import unusual_windows
from job.run.attempt import now_ms
from job.run.finalized import fingerprint, stored_holdout, stored_null_worlds
from job.run.index import note_finished
from job.run.ledger import Trial, check_noted, join_own_results, trials_over
from job.run.nodes import by_node
from job.run.run import Run
from job.run.state import WindowState, describe, window_states
from job.run.window_runs import note_window_runs
from job.run_evaluation import evaluate_run
from job.windows import Span


@dataclass(frozen=True, kw_only=True)
class Finalization:
    """What a try came to: the summary, or None and the windows that are still expected."""

    summary: SummaryRecord | None
    states: tuple[WindowState, ...]


def finalize(run: Run, *, recount: bool = False, tracker: Tracker | None = None) -> Finalization:
    """Finalize a run whose windows are all settled; do nothing for one that is finalized already or not ready.

    Parameters
    ----------
    recount : also finalize anew where the ledger's trials over these days are others than they were.
    tracker : is told of each stage; it takes seconds, and minutes for years of data.

    Raises
    ------
    DataError
        Where not one window succeeded, an object of a window is not what its manifest says, or the data of the
        final model changed since the plan.
    ConfigError
        Where the ledger does not hold this run's readings, or the run is a basic training.
    """
    if run.plan.kind == "training":
        raise ConfigError(
            f"Run {run.plan.run_id} is a basic training, which has nothing to finalize.",
            remedy=f"Name a walk-forward; `lorentzian status --save-path {run.store.location}` lists the runs.",
        )
    windows = FinishedWindows(run)
    while True:
        states = window_states(run.store, run.plan, now_ms=now_ms())
        if not all(state.is_settled for state in states):
            return Finalization(summary=None, states=states)
        null_worlds, holdout = stored_null_worlds(run.store, run.keys), stored_holdout(run.store, run.keys)
        done = windows.read(states)
        manifests = {index: window.manifest for index, window in done.items()}
        readings = {key: result for window in done.values() for key, result in window.readings.items()}
        wanted = fingerprint(states, manifests, null_worlds, holdout)
        trials = _trials(run, states, readings) if recount else None
        if trials is not None:
            wanted |= _counted(trials)
        before = run.store.get(run.keys.manifest)
        if before is not None and _is_current(run, wanted):
            stored = _stored_summary(run)
            if stored is not None:
                note_finished(run.store, run.plan, stored)
                return Finalization(summary=stored, states=states)
        with interruption.at_once():
            if trials is None:
                trials = _trials(run, states, readings)
            summary, objects = _build(run, states, done, null_worlds, trials, holdout=holdout, stages=_Stages(tracker))
        told = {index: window.execution for index, window in done.items() if window.execution is not None}
        note_window_runs(run.store, run.keys, states, told)
        written = write_with_manifest(
            run.store,
            run.keys.manifest,
            objects,
            root=run.keys.root,
            extra=wanted | _counted(trials),
            replacing=before.etag if before is not None else None,
        )
        if written is not None:
            join_own_results(run.ledger, run.plan, known=readings)
            _log(run, summary, nodes=by_node(told))
            recount = False  # it is done: while others train, the next count would differ again, and so for ever
        # Look again, whoever wrote: another finalizer may have come between, with fewer windows or more.


def _counted(trials: list[Trial]) -> dict[str, JsonValue]:
    """All that the statistics take from the ledger, as a digest."""
    content: dict[str, JsonValue] = {
        trial.procedure: [trial.num_attempts, trial.day.tolist(), trial.daily_returns.tolist()] for trial in trials
    }
    return {"trials": hashlib.sha256(to_json_bytes(content)).hexdigest()}


def _is_current(run: Run, wanted: dict[str, JsonValue]) -> bool:
    """Whether the stored result covers all of this, and is whole: a racing finalizer may have died over it."""
    manifest = read_manifest(run.store, run.keys.manifest)
    return (
        manifest is not None
        and all(manifest.extra.get(name) == value for name, value in wanted.items())
        and not verify(run.store, manifest, root=run.keys.root)
    )


def _stored_summary(run: Run) -> SummaryRecord | None:
    """The summary; None where it is whole and this version cannot read it: another one has made it."""
    stored = run.store.get(run.keys.summary)
    if stored is None:
        raise DataError(f"{run.keys.summary} has vanished.", remedy="Run `lorentzian finalize` once more.")
    try:
        return parse_record(SummaryRecord, stored.data, where=run.keys.summary)
    except DataError:
        structlog.get_logger().info("summary_of_another_version", run_id=run.plan.run_id)
        return None


class _Stages:
    """Tells the log how long each stage took, and a tracker, where there is one, which has begun."""

    NAMES = ("statistics", "final model", "report")

    def __init__(self, tracker: Tracker | None) -> None:
        self._tracker = tracker
        self._present, self._started = "", 0.0

    def begin(self, name: str) -> None:
        self.end()
        self._present, self._started = name, time.monotonic()
        if self._tracker is not None:
            self._tracker.advance_to(self.NAMES.index(name), len(self.NAMES), note=name)

    def end(self) -> None:
        """The present stage, if there is one, is over."""
        if self._present:
            seconds = round(time.monotonic() - self._started, 3)
            structlog.get_logger().debug("stage_ended", stage=self._present, seconds=seconds)
            if self._tracker is not None:
                self._tracker.advance_to(self.NAMES.index(self._present) + 1, len(self.NAMES))
            self._present = ""


def _build(
    run: Run,
    states: tuple[WindowState, ...],
    done: Mapping[int, FinishedWindow],
    null_worlds: tuple[NullWorldRecord, ...],
    trials: list[Trial],
    *,
    holdout: HoldoutRecord | None,
    stages: _Stages,
) -> tuple[SummaryRecord, dict[str, bytes]]:
    stages.begin("statistics")
    windows, series = tuple(each.record for each in done.values()), tuple(each.series for each in done.values())
    evaluation = evaluate_run(run.plan, windows, series, trials, null_worlds=null_worlds)
    failed = {str(state.index): state.reason for state in states if state.state != "done"}
    summary = summary_record(
        run.plan,
        evaluation,
        states_headline=describe(states),
        failed_windows=failed,
        trials_counted_in=f"{run.ledger_name} as of the last finalization",
    )
    stages.begin("final model")
    model = stored_final_model(run) or fit_final_model(run).data
    stages.begin("report")
    objects = report_objects(run.plan, summary, evaluation, holdout) | {
        **curve_objects(run.plan, evaluation),
        run.keys.best_model_final(run.plan.stamp): model,
        run.keys.summary: record_bytes(summary),
    }
    stages.end()
    return summary, objects


def _done(run: Run, states: tuple[WindowState, ...]) -> list[WindowState]:
    """The windows that succeeded; `DataError` where none did."""
    done = [state for state in states if state.state == "done"]
    if not done:
        raise DataError(
            f"No window of run {run.plan.run_id} succeeded: {states[0].reason}",
            remedy="Mend the cause, and run the windows again.",
        )
    return done


def _trials(run: Run, states: tuple[WindowState, ...], readings: Mapping[str, LedgerResultRecord]) -> list[Trial]:
    """The ledger's trials over the days that were tested, this run's own among them."""
    done = [run.plan.windows[state.index] for state in _done(run, states)]
    tested = Span(start_ms=done[0].test_start_ms, end_ms=done[-1].test_end_ms)
    trials = trials_over(run.ledger, tested, known=readings)
    check_noted(run.ledger, run.plan, trials)
    return trials


def _log(run: Run, summary: SummaryRecord, *, nodes: dict[str, list[int]]) -> None:
    log = structlog.get_logger().bind(run_id=run.plan.run_id)
    if len(nodes) > 1:
        log.warning(
            "nodes_differ",
            windows_by_node=nodes,
            meaning="Windows ran on different processors: run again, they agree to five digits, not to the last bit.",
        )
    for window in unusual_windows(summary.drift):
        log.warning(
            "drift_is_unusual",
            window_index=window,
            meaning="Its newest training days differ from those before them above 95 % of the windows up to it.",
        )
    log.info("run_finalized", windows=summary.headline, venue=run.plan.procedure.market.venue, **_figures(summary))


def _figures(summary: SummaryRecord) -> dict[str, JsonValue]:
    """What a run is watched by; None where it is undefined."""
    traded = summary.models[summary.traded_model]
    return {
        "symbol": summary.symbol,
        "interval": summary.interval,
        "verdict": summary.verdict,
        "num_done": summary.num_done,
        "num_failed": len(summary.failed_windows),
        "num_trials": summary.num_trials,
        "sharpe_ratio": traded.measures["sharpe_ratio"].value,
        "sharpe_low": traded.sharpe_interval.low,
        "sharpe_high": traded.sharpe_interval.high,
        "dsr": summary.dsr.value,
        "total_return": traded.measures["total_return"].value,
        "max_drawdown": traded.measures["max_drawdown"].value,
        "break_even_bps": summary.break_even_bps.value,
    }
