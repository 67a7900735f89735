"""The example run as it would lie in a store, whole with manifests, index and result."""

from dataclasses import dataclass
from pathlib import Path

from job.artifacts.curves import RunCurves, curves_bytes
from job.artifacts.folder import LocalStore
from job.artifacts.keys import RunKeys
from job.artifacts.manifest import write_with_manifest
from job.artifacts.npz import arrays_to_bytes
from job.artifacts.stored_records import record_bytes
from job.records import PlanRecord, SummaryRecord
from job.records.windows import WindowsRecord
from job.report.curves import run_curves, windows_record
from job.report.summary import summary_record
from job.run.index import note_finished, note_started
from job.run.plan import publish_plan
from job.window_results import BAR_COLUMNS, POSITION, PROBABILITY, WindowSeries
from tests.support.runs import ExampleRun

PAGE = b"<!doctype html>\nthe page\n"


def store_run(run: ExampleRun, folder: Path, *, run_id: str, is_finished: bool = True) -> LocalStore:
    """Write a run's plan, windows and, where it is finished, its result.

    Returns
    -------
    LocalStore
        Of the folder, which may hold other runs too.
    """
    store, keys = LocalStore(folder), RunKeys(run_id)
    plan = store_windows(run, store, run_id=run_id)
    if is_finished:
        summary = summary_of(run)
        result = {keys.summary: record_bytes(summary), keys.report: PAGE}
        result |= curves_of(run).objects(keys)
        write_with_manifest(store, keys.manifest, result, root=keys.root, extra={})
        note_finished(store, plan, summary)
    return store


def store_windows(run: ExampleRun, store: LocalStore, *, run_id: str) -> PlanRecord:
    """Write a run's plan and the windows that have finished; the plan under its new name."""
    keys = RunKeys(run_id)
    plan = run.plan.model_copy(update={"run_id": run_id})
    publish_plan(store, plan)
    note_started(store, plan)
    for window, series in zip(run.windows, run.series, strict=True):
        index = window.span.index
        objects = {keys.window_metrics(index): record_bytes(window), keys.series(index): stored_series(series)}
        write_with_manifest(store, keys.window_manifest(index), objects, root=keys.root, extra={})
    return plan


@dataclass(frozen=True, kw_only=True)
class CurvesOfRun:
    """What a run's pages are drawn from; its name is in none of it."""

    run: ExampleRun
    curves: RunCurves
    windows: WindowsRecord

    def objects(self, keys: RunKeys) -> dict[str, bytes]:
        """As the finalizer stores them."""
        return {keys.curves: curves_bytes(self.curves), keys.windows: record_bytes(self.windows)}


_KNOWN: dict[int, CurvesOfRun] = {}


def curves_of(run: ExampleRun) -> CurvesOfRun:
    """The curves of a run, computed once: every cost on their axis is a replay of the whole run."""
    known = _KNOWN.get(id(run))  # kept with its run, so that no other run can get its number
    if known is None:
        curves = run_curves(run.plan, run.evaluation)
        known = CurvesOfRun(run=run, curves=curves, windows=windows_record(run.evaluation))
        _KNOWN[id(run)] = known
    return known


def summary_of(run: ExampleRun) -> SummaryRecord:
    """The summary that the run's finalizer would store."""
    return summary_record(run.plan, run.evaluation, "all windows", {}, "the ledger")


def stored_series(series: WindowSeries) -> bytes:
    """A test slice as its window stores it."""
    return arrays_to_bytes(
        {name: getattr(series.klines, name) for name in BAR_COLUMNS}
        | {"up": series.up}
        | {f"{PROBABILITY}{name}": values for name, values in series.probability.items()}
        | {f"{POSITION}{name}": values for name, values in series.position.items()}
    )
