"""The end of a run: stitch its windows, judge them, refit for use from now on, and write the report.

Every pod tries after its own window, and a sweeper may try later; whoever finds all windows settled does it. The
result is a function of the windows that are done, so it does not matter who, or how often. A window that succeeds
after all is a new set of windows, and finalizes again.
"""

from dataclasses import dataclass

import structlog

from job.artifacts.keys import RUNS_PREFIX
from job.artifacts.manifest import read_manifest, verify, write_with_manifest
from job.artifacts.store import ObjectStore
from job.artifacts.stored_records import parse_record, record_bytes
from job.attempt import now_ms
from job.data.postgres import connect
from job.dataset import load_dataset
from job.errors import DataError
from job.ledger import trials_over
from job.model.checkpoint import checkpoint_bytes
from job.pipeline import train_all
from job.plan import final_window
from job.records import SummaryRecord, WindowRecord
from job.report.artifacts import report_objects
from job.report.summary import summary_record
from job.run import Run
from job.run_evaluation import RunEvaluation, evaluate_run
from job.run_state import WindowState, describe, window_states
from job.runs_index import note_finished
from job.window_results import WindowSeries, read_series
from job.windows import Span


@dataclass(frozen=True, kw_only=True)
class Finalization:
    """What a try came to: the summary, or None and the windows that are still expected."""

    summary: SummaryRecord | None
    states: tuple[WindowState, ...]


def finalize(run: Run) -> Finalization:
    """Finalize a run whose windows are all settled; do nothing for one that is finalized already or not ready.

    Raises
    ------
    DataError
        Where not one window succeeded.
    """
    while True:
        states = window_states(run.store, run.plan, now_ms=now_ms())
        if not all(state.is_settled for state in states):
            return Finalization(summary=None, states=states)
        before = run.store.get(run.keys.manifest)
        if before is not None and _is_current(run, states):
            return Finalization(summary=_stored_summary(run), states=states)
        summary, objects = _build(run, states)
        is_ours = write_with_manifest(
            run.store,
            run.keys.manifest,
            objects,
            root=run.keys.root,
            extra={"windows": {**_fingerprint(states)}},
            replacing=before.etag if before is not None else None,
        )
        if is_ours is not None:
            note_finished(run.store, run.plan, summary)
            structlog.get_logger().info(
                "run_finalized", run_id=run.plan.run_id, verdict=summary.verdict, windows=summary.headline
            )
            return Finalization(summary=summary, states=states)
        # Another finalizer was faster, perhaps with fewer windows: look again.


def planned_runs(store: ObjectStore) -> list[str]:
    """The ids of all runs that have a plan, sorted."""
    names = {info.key.split("/")[1] for info in store.list(RUNS_PREFIX) if info.key.count("/") >= 2}
    return sorted(names)


def _fingerprint(states: tuple[WindowState, ...]) -> dict[str, str]:
    return {str(state.index): "done" if state.state == "done" else "failed" for state in states}


def _is_current(run: Run, states: tuple[WindowState, ...]) -> bool:
    """Whether the stored result covers these very windows, and is whole: a racing finalizer may have died over it."""
    manifest = read_manifest(run.store, run.keys.manifest)
    if manifest is None or manifest.extra.get("windows") != _fingerprint(states):
        return False
    return not verify(run.store, manifest, root=run.keys.root)


def _stored_summary(run: Run) -> SummaryRecord:
    stored = run.store.get(run.keys.summary)
    if stored is None:
        raise DataError(f"{run.keys.summary} has vanished.", remedy="Run `lorentzian finalize` once more.")
    return parse_record(SummaryRecord, stored.data, where=run.keys.summary)


def _build(run: Run, states: tuple[WindowState, ...]) -> tuple[SummaryRecord, dict[str, bytes]]:
    done = [state.index for state in states if state.state == "done"]
    if not done:
        raise DataError(
            f"No window of run {run.plan.run_id} succeeded: {states[0].reason}",
            remedy="Mend the cause, and run the windows again.",
        )
    windows, series = _read_windows(run, done)
    evaluation = _evaluate(run, windows, series)
    failed = {str(state.index): state.reason for state in states if state.state != "done"}
    summary = summary_record(
        run.plan,
        evaluation,
        states_headline=describe(states),
        failed_windows=failed,
        trials_counted_in=run.ledger_name,
    )
    model = _final_model(run)
    objects = report_objects(run.plan, summary, evaluation)
    return summary, objects | {
        run.keys.best_model_final(run.plan.stamp): model,
        run.keys.summary: record_bytes(summary),
    }


def _read_windows(run: Run, indexes: list[int]) -> tuple[tuple[WindowRecord, ...], tuple[WindowSeries, ...]]:
    records, series = [], []
    for index in indexes:
        metrics, arrays = run.store.get(run.keys.window_metrics(index)), run.store.get(run.keys.series(index))
        if metrics is None or arrays is None:
            raise DataError(
                f"Window {index} has a manifest but not the objects that it names.",
                remedy="Delete its manifest and run the window again.",
            )
        records.append(parse_record(WindowRecord, metrics.data, where=run.keys.window_metrics(index)))
        series.append(
            read_series(arrays.data, interval=run.plan.procedure.market.interval, where=run.keys.series(index))
        )
    return tuple(records), tuple(series)


def _evaluate(run: Run, windows: tuple[WindowRecord, ...], series: tuple[WindowSeries, ...]) -> RunEvaluation:
    tested = Span(start_ms=windows[0].span.test_start_ms, end_ms=windows[-1].span.test_end_ms)
    return evaluate_run(run.plan, windows, series, trials_over(run.ledger, tested))


def _final_model(run: Run) -> bytes:
    """The procedure fitted once more on the newest training span; it has no test score of its own."""
    window = final_window(run.plan)
    with connect(run.conninfo) as connection:
        training = load_dataset(connection, run.plan, window.train)
    return checkpoint_bytes(train_all(run, window, training)[run.traded_model], run.plan)
