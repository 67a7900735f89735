"""A run as it is stored, believed by its manifests alone: what reports and comparisons are made from."""

from dataclasses import dataclass

from job.artifacts.curves import RunCurves, read_curves
from job.artifacts.keys import RUNS_INDEX, RunKeys
from job.artifacts.manifest import Manifest, read_manifest, read_named
from job.artifacts.store import ObjectStore
from job.artifacts.stored_records import parse_record
from job.errors import ConfigError, DataError, TransientError
from job.records import HoldoutRecord, PlanRecord, RunsIndexRecord, SummaryRecord, WindowRecord
from job.run.plan import read_plan
from job.window_results import WindowSeries, read_series

NO_RUN_REMEDY = "Check --save-path (`lorentzian demo` writes to models/demo), or run `lorentzian walkforward` first."


@dataclass(frozen=True, kw_only=True)
class StoredWindow:
    """One window that is done."""

    record: WindowRecord
    series: WindowSeries


@dataclass(frozen=True, kw_only=True)
class StoredRun:
    """A walk-forward under a save path, finished or not."""

    store: ObjectStore
    plan: PlanRecord

    @property
    def keys(self) -> RunKeys:
        """Where its objects live."""
        return RunKeys(self.plan.run_id)

    @property
    def traded_model(self) -> str:
        """The classifier that the run is about."""
        return self.plan.procedure.model.model

    def summary(self) -> SummaryRecord:
        """What it found; `TransientError` where it is not finalized yet, `DataError` where another version wrote it."""
        data = self._of_result(self.keys.summary)
        try:
            return parse_record(SummaryRecord, data, where=self.keys.summary)
        except DataError as error:
            raise DataError(
                f"The summary of run {self.plan.run_id} was written by a version that kept other numbers.",
                remedy=(
                    "Make it anew from its windows: "
                    f"lorentzian finalize --run-id {self.plan.run_id} --save-path {self.store.location}"
                ),
            ) from error

    def page(self) -> bytes:
        """Its page; `TransientError` where it is not finalized yet."""
        return self._of_result(self.keys.report)

    def curves(self) -> RunCurves:
        """Its joined tests; `TransientError` where it is not finalized yet."""
        return read_curves(self._of_result(self.keys.curves), where=self.keys.curves)

    def holdout(self) -> HoldoutRecord | None:
        """What the days that are locked away have said; None where nobody has opened them."""
        stored = self.store.get(self.keys.holdout)
        return None if stored is None else parse_record(HoldoutRecord, stored.data, where=self.keys.holdout)

    def windows(self) -> dict[int, StoredWindow]:
        """The windows that are done, by index."""
        return {span.index: window for span in self.plan.windows if (window := self._window(span.index)) is not None}

    def _window(self, index: int) -> StoredWindow | None:
        manifest = read_manifest(self.store, self.keys.window_manifest(index))
        if manifest is None:
            return None
        metrics, arrays = self.keys.window_metrics(index), self.keys.series(index)
        interval = self.plan.procedure.market.interval
        return StoredWindow(
            record=parse_record(WindowRecord, self._believed(manifest, metrics), where=metrics),
            series=read_series(self._believed(manifest, arrays), interval=interval, where=arrays),
        )

    def _of_result(self, key: str) -> bytes:
        manifest = read_manifest(self.store, self.keys.manifest)
        if manifest is None:
            raise TransientError(
                f"Run {self.plan.run_id} has no result yet.",
                remedy=f"See how far it is: lorentzian status --run-id {self.plan.run_id}",
            )
        return self._believed(manifest, key)

    def _believed(self, manifest: Manifest, key: str) -> bytes:
        data = read_named(self.store, manifest, key, root=self.keys.root)
        if data is None:
            raise DataError(
                f"{key} is not what its manifest says.",
                remedy="Run the same command again: it mends what is damaged.",
            )
        return data


def open_stored_run(store: ObjectStore, run_id: str) -> StoredRun:
    """A walk-forward by name.

    Raises
    ------
    ConfigError
        Where there is none of that name.
    """
    plan = read_plan(store, run_id)
    if plan is None:
        raise ConfigError(
            f"There is no run {run_id} under {store.location}.",
            remedy=f"Check its name; `lorentzian status --save-path {store.location}` lists the runs there.",
        )
    if plan.kind == "training":
        raise ConfigError(f"Run {run_id} is a basic training.", remedy="Name a walk-forward.")
    return StoredRun(store=store, plan=plan)


def newest_run_id(store: ObjectStore) -> str:
    """The finished walk-forward that was planned last.

    Raises
    ------
    ConfigError
        Where no run is finished.
    """
    stored = store.get(RUNS_INDEX)
    index = RunsIndexRecord(runs={}) if stored is None else parse_record(RunsIndexRecord, stored.data, where=RUNS_INDEX)
    finished = [run for run in index.runs.values() if run.state == "finished" and run.kind == "walkforward"]
    if not finished:
        raise ConfigError(f"There is no finished run under {store.location}.", remedy=NO_RUN_REMEDY)
    return max(finished, key=lambda run: (run.created_at_ms, run.run_id)).run_id
