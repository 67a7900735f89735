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
from dataclasses import dataclass

import structlog
from pydantic import JsonValue

from job import interruption
from job.artifacts.json_bytes import to_json_bytes
from job.artifacts.manifest import read_manifest, read_named, verify, write_with_manifest
from job.artifacts.stored_records import parse_record, record_bytes
from job.errors import ConfigError, DataError
from job.execution.final_model import fit_final_model, stored_final_model
from job.progress import Tracker
from job.records import HoldoutRecord, NullWorldRecord, SummaryRecord, WindowRecord
from job.report.artifacts import report_objects
from job.report.curves import curve_objects
from job.report.summary import summary_record
from job.robustness.examination import unusual_windows
from job.run.attempt import now_ms
from job.run.finalized import fingerprint, stored_holdout, stored_null_worlds
from job.run.index import note_finished
from job.run.ledger import Trial, procedure_hash, trials_over
from job.run.nodes import windows_by_node
from job.run.run import Run
from job.run.state import WindowState, describe, window_states
from job.run_evaluation import evaluate_run
from job.window_results import WindowSeries, read_series
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
            remedy="Name a walk-forward; `lorentzian status` lists the runs.",
        )
    while True:
        states = window_states(run.store, run.plan, now_ms=now_ms())
        if not all(state.is_settled for state in states):
            return Finalization(summary=None, states=states)
        null_worlds, holdout = stored_null_worlds(run.store, run.keys), stored_holdout(run.store, run.keys)
        wanted = fingerprint(states, null_worlds, holdout)
        trials = _trials(run, states) if recount else None
        if trials is not None:
            wanted |= _counted(trials)
        before = run.store.get(run.keys.manifest)
        if before is not None and _is_current(run, wanted):
            summary = _stored_summary(run)
            note_finished(run.store, run.plan, summary)
            return Finalization(summary=summary, states=states)
        with interruption.at_once():
            if trials is None:
                trials = _trials(run, states)
            summary, objects = _build(run, states, null_worlds, trials, _Stages(tracker), holdout=holdout)
        written = write_with_manifest(
            run.store,
            run.keys.manifest,
            objects,
            root=run.keys.root,
            extra=wanted | _counted(trials),
            replacing=before.etag if before is not None else None,
        )
        if written is not None:
            _log(run, states, summary)
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


def _stored_summary(run: Run) -> SummaryRecord:
    stored = run.store.get(run.keys.summary)
    if stored is None:
        raise DataError(f"{run.keys.summary} has vanished.", remedy="Run `lorentzian finalize` once more.")
    return parse_record(SummaryRecord, stored.data, where=run.keys.summary)


class _Stages:
    """Tells a tracker, where there is one, which stage has begun."""

    NAMES = ("reading windows", "statistics", "final model", "report")

    def __init__(self, tracker: Tracker | None) -> None:
        self._tracker = tracker

    def begin(self, name: str) -> None:
        if self._tracker is not None:
            self._tracker.advance_to(self.NAMES.index(name), len(self.NAMES), note=name)


def _build(
    run: Run,
    states: tuple[WindowState, ...],
    null_worlds: tuple[NullWorldRecord, ...],
    trials: list[Trial],
    stages: _Stages,
    *,
    holdout: HoldoutRecord | None,
) -> tuple[SummaryRecord, dict[str, bytes]]:
    stages.begin("reading windows")
    windows, series = _read_windows(run, _done(run, states))
    stages.begin("statistics")
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
    objects = report_objects(run.plan, summary, evaluation, holdout)
    return summary, objects | {
        **curve_objects(run.plan, evaluation, series),
        run.keys.best_model_final(run.plan.stamp): model,
        run.keys.summary: record_bytes(summary),
    }


def _done(run: Run, states: tuple[WindowState, ...]) -> list[WindowState]:
    """The windows that succeeded; `DataError` where none did."""
    done = [state for state in states if state.state == "done"]
    if not done:
        raise DataError(
            f"No window of run {run.plan.run_id} succeeded: {states[0].reason}",
            remedy="Mend the cause, and run the windows again.",
        )
    return done


def _read_windows(run: Run, done: list[WindowState]) -> tuple[tuple[WindowRecord, ...], tuple[WindowSeries, ...]]:
    records, series = [], []
    for state in done:
        metrics, arrays = run.keys.window_metrics(state.index), run.keys.series(state.index)
        records.append(parse_record(WindowRecord, _believed(run, state, metrics), where=metrics))
        interval = run.plan.procedure.market.interval
        series.append(read_series(_believed(run, state, arrays), interval=interval, where=arrays))
    return tuple(records), tuple(series)


def _believed(run: Run, state: WindowState, key: str) -> bytes:
    """An object of a window, which must be the one that the window's manifest names."""
    assert state.manifest is not None
    data = read_named(run.store, state.manifest, key, root=run.keys.root)
    if data is None:
        raise DataError(
            f"{key} is not what the manifest of window {state.index} says.",
            remedy="Run that window again: it mends its objects.",
        )
    return data


def _trials(run: Run, states: tuple[WindowState, ...]) -> list[Trial]:
    """The ledger's trials over the days that were tested, this run's own among them."""
    done = [run.plan.windows[state.index] for state in _done(run, states)]
    trials = trials_over(run.ledger, Span(start_ms=done[0].test_start_ms, end_ms=done[-1].test_end_ms))
    if procedure_hash(run.plan.procedure, run.plan.feature_set) not in {trial.procedure for trial in trials}:
        raise ConfigError(
            f"The ledger {run.ledger.location} does not hold the readings of run {run.plan.run_id}.",
            remedy="Name with --ledger the one that its windows were run with.",
        )
    return trials


def _log(run: Run, states: tuple[WindowState, ...], summary: SummaryRecord) -> None:
    log = structlog.get_logger().bind(run_id=run.plan.run_id)
    done = [state.index for state in states if state.state == "done"]
    nodes = windows_by_node(run.store, run.keys, done)
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
    log.info("run_finalized", verdict=summary.verdict, windows=summary.headline)
