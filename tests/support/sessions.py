"""The example run as the dashboard reads it: in memory, and whole in a folder."""

from pathlib import Path

from dashboard.reading import Reading, RunResult, Session
from job.artifacts.folder import LocalStore
from job.artifacts.keys import RunKeys
from job.artifacts.manifest import write_with_manifest
from job.artifacts.stored_records import record_bytes
from job.records import PlanRecord, SummaryRecord
from job.report.summary import summary_record
from job.report.window_table import window_metrics_csv
from job.run.index import note_finished
from tests.support.runs import ExampleRun
from tests.support.stored_runs import curves_of, store_windows

READ_AT_MS = 1_764_547_200_000
REASON = "its pod was killed"


def summary_with_failures(run: ExampleRun) -> SummaryRecord:
    """The run's summary, its missing windows named as failed."""
    done = {window.span.index for window in run.windows}
    failed = {str(span.index): REASON for span in run.plan.windows if span.index not in done}
    headline = f"{len(done)} of {len(run.plan.windows)} windows"
    return summary_record(run.plan, run.evaluation, headline, failed, "the ledger")


def session_of(run: ExampleRun, *, run_id: str = "example", is_finished: bool = True) -> Session:
    """The session that reading the run would give."""
    plan: PlanRecord = run.plan.model_copy(update={"run_id": run_id})
    known = curves_of(run)
    result = RunResult(
        summary=summary_with_failures(run),
        curves=known.curves,
        windows=known.windows,
        holdout=None,
        faults=(),
    )
    return Session(
        plan=Reading(value=plan, key=RunKeys(run_id).plan, etag=f'"{id(run)}"', read_at_ms=READ_AT_MS),
        manifest_etag='"manifest"' if is_finished else "",
        result=result if is_finished else None,
        read_at_ms=READ_AT_MS,
    )


def store_session(run: ExampleRun, folder: Path, *, run_id: str, is_finished: bool = True) -> LocalStore:
    """Write all that a finished run stores for its pages: plan, windows, summary, curves, table and index."""
    store, keys = LocalStore(folder), RunKeys(run_id)
    plan = store_windows(run, store, run_id=run_id)
    if is_finished:
        summary = summary_with_failures(run)
        result = curves_of(run).objects(keys) | {
            keys.summary: record_bytes(summary),
            keys.window_metrics_csv(plan.stamp): window_metrics_csv(plan, run.windows),
        }
        write_with_manifest(store, keys.manifest, result, root=keys.root, extra={})
        note_finished(store, plan, summary)
    return store
