"""The end of a run: stitch its windows, judge them, refit for use from now on, and write the report.

Every pod tries after its own window, and a sweeper may try later; whoever finds all windows settled does it. The
result is a function of the windows that are done, so it does not matter who, or how often. A window that succeeds
after all is a new set of windows, and finalizes again.
"""

import hashlib
from dataclasses import dataclass

import structlog

from job.artifacts.json_bytes import to_json_bytes
from job.artifacts.keys import RUNS_PREFIX
from job.artifacts.manifest import Manifest, read_manifest, verify, write_with_manifest
from job.artifacts.store import ObjectStore
from job.artifacts.stored_records import parse_record, record_bytes
from job.checkpoint import checkpoint_bytes
from job.data.postgres import connect
from job.dataset import load_dataset
from job.errors import ConfigError, DataError
from job.learners import make_learners, train_all
from job.records import SummaryRecord, WindowRecord
from job.report.artifacts import report_objects
from job.report.summary import summary_record
from job.run.attempt import now_ms
from job.run.index import note_finished
from job.run.ledger import Trial, procedure_hash, trials_over
from job.run.plan import check_unchanged, final_window
from job.run.run import Run
from job.run.state import WindowState, describe, window_states
from job.run_evaluation import RunEvaluation, evaluate_run
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
        Where not one window succeeded, an object of a window is not what its manifest says, or the data of the
        final model changed since the plan.
    ConfigError
        Where the ledger does not hold this run's readings.
    """
    while True:
        states = window_states(run.store, run.plan, now_ms=now_ms())
        if not all(state.is_settled for state in states):
            return Finalization(summary=None, states=states)
        before = run.store.get(run.keys.manifest)
        if before is not None and _is_current(run, states):
            summary = _stored_summary(run)
            note_finished(run.store, run.plan, summary)
            return Finalization(summary=summary, states=states)
        summary, objects = _build(run, states)
        written = write_with_manifest(
            run.store,
            run.keys.manifest,
            objects,
            root=run.keys.root,
            extra={"windows": {**_fingerprint(states)}},
            replacing=before.etag if before is not None else None,
        )
        if written is not None:
            structlog.get_logger().info(
                "run_finalized", run_id=run.plan.run_id, verdict=summary.verdict, windows=summary.headline
            )
        # Look again, whoever wrote: another finalizer may have come between, with fewer windows or more.


def planned_runs(store: ObjectStore) -> list[str]:
    """The ids of all runs that have a plan, sorted."""
    paths = (info.key.split("/") for info in store.list(RUNS_PREFIX))
    return sorted(run_id for _, run_id, *rest in paths if rest == ["plan.json"])


def _fingerprint(states: tuple[WindowState, ...]) -> dict[str, str]:
    """What the result is a function of: each window's manifest, or that it has none."""
    return {str(s.index): _digest(s.manifest) if s.manifest is not None else "failed" for s in states}


def _digest(manifest: Manifest) -> str:
    return hashlib.sha256(to_json_bytes(manifest.model_dump(mode="json"))).hexdigest()


def _is_current(run: Run, states: tuple[WindowState, ...]) -> bool:
    """Whether the stored result covers these very windows, and is whole: a racing finalizer may have died over it."""
    manifest = read_manifest(run.store, run.keys.manifest)
    if manifest is None:
        return False
    if "windows" not in manifest.extra:
        raise DataError(f"Run {run.plan.run_id} is a basic training, which has nothing to finalize.")
    return manifest.extra["windows"] == _fingerprint(states) and not verify(run.store, manifest, root=run.keys.root)


def _stored_summary(run: Run) -> SummaryRecord:
    stored = run.store.get(run.keys.summary)
    if stored is None:
        raise DataError(f"{run.keys.summary} has vanished.", remedy="Run `lorentzian finalize` once more.")
    return parse_record(SummaryRecord, stored.data, where=run.keys.summary)


def _build(run: Run, states: tuple[WindowState, ...]) -> tuple[SummaryRecord, dict[str, bytes]]:
    done = [state for state in states if state.state == "done"]
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
    digests = {entry.key: entry.sha256 for entry in state.manifest.objects}
    stored = run.store.get(key)
    if stored is None or hashlib.sha256(stored.data).hexdigest() != digests.get(run.keys.relative(key)):
        raise DataError(
            f"{key} is not what the manifest of window {state.index} says.",
            remedy="Run that window again: it mends its objects.",
        )
    return stored.data


def _evaluate(run: Run, windows: tuple[WindowRecord, ...], series: tuple[WindowSeries, ...]) -> RunEvaluation:
    tested = Span(start_ms=windows[0].span.test_start_ms, end_ms=windows[-1].span.test_end_ms)
    return evaluate_run(run.plan, windows, series, _trials(run, tested))


def _trials(run: Run, tested: Span) -> list[Trial]:
    trials = trials_over(run.ledger, tested)
    if procedure_hash(run.plan.procedure, run.plan.feature_set) not in {trial.procedure for trial in trials}:
        raise ConfigError(
            f"The ledger {run.ledger.location} does not hold the readings of run {run.plan.run_id}.",
            remedy="Name with --ledger the one that its windows were run with.",
        )
    return trials


def _final_model(run: Run) -> bytes:
    """The procedure fitted once more on the newest training span; it has no test score of its own."""
    window = final_window(run.plan)
    with connect(run.conninfo) as connection:
        check_unchanged(connection, run.plan, window.span)
        training = load_dataset(connection, run.plan, window.train)
    learners = make_learners(run.plan.procedure.model, stream=window.index, device=run.device)[:1]
    return checkpoint_bytes(train_all(learners, training, window, run.plan.procedure)[run.traded_model], run.plan)
