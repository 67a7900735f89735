"""The windows of a run that are done, read for its finalizer: one object each, and many at once."""

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

from job.artifacts.json_bytes import from_json_bytes
from job.artifacts.manifest import Manifest, read_manifest, read_named
from job.artifacts.stored_records import checked_record, parse_record
from job.artifacts.window_pack import unpacked
from job.errors import DataError
from job.logs import same_names
from job.records import ExecutionRecord, LedgerResultRecord, WindowRecord
from job.run.ledger import own_result_key
from job.run.ledger_results import NUM_READERS
from job.run.run import Run
from job.run.state import WindowState
from job.window_results import WindowSeries, read_series


@dataclass(frozen=True, kw_only=True)
class FinishedWindow:
    """What one window found, how it ran, where its pod lived to tell, and the ledger's result of it, by its key there.

    Its record holds the measures of the traded model alone: those of the others are ten times as many, and a run as a
    whole has no use for them. The result is empty where it did not come with the window: the ledger is asked then.
    """

    manifest: Manifest
    record: WindowRecord
    series: WindowSeries
    execution: ExecutionRecord | None
    readings: Mapping[str, LedgerResultRecord]


class FinishedWindows:
    """Reads windows, and remembers them as long as nothing of theirs has changed."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._known: dict[int, tuple[int, FinishedWindow]] = {}

    def read(self, states: Sequence[WindowState]) -> dict[int, FinishedWindow]:
        """Those that are done, by index.

        Raises
        ------
        DataError
            Where an object of a window is not what its manifest says.
        """
        done = [state for state in states if state.state == "done"]
        new = [state for state in done if self._known.get(state.index, (None,))[0] != state.changed_ms]
        with ThreadPoolExecutor(max_workers=NUM_READERS, initializer=same_names()) as readers:
            for state, window in zip(new, readers.map(self._read_one, new), strict=True):
                self._known[state.index] = state.changed_ms, window
        return {state.index: self._known[state.index][1] for state in done}

    def _read_one(self, state: WindowState) -> FinishedWindow:
        return (self._from_pack(state.index) if state.is_packed else None) or self._from_objects(state.index)

    def _from_pack(self, index: int) -> FinishedWindow | None:
        """The window from its one object; None where that is not whole, since it is only a copy."""
        key = self._run.keys.finished_window(index)
        stored = self._run.store.get(key)
        if stored is None:
            return None
        try:
            pack, manifest = unpacked(stored.data, self._run.keys, index, where=key)
        except DataError:
            return None
        execution = parse_record(ExecutionRecord, pack.execution, where=key)
        reading = parse_record(LedgerResultRecord, pack.reading, where=key)
        window = self._parsed(index, manifest, pack.metrics, pack.series, execution)
        models = {self._run.keys.root + entry.key: entry.sha256 for entry in manifest.objects}
        model_hash = models.get(self._run.keys.best_model_window(index))
        if model_hash is None:
            return window
        return replace(window, readings={own_result_key(self._run.plan, index, model_hash): reading})

    def _from_objects(self, index: int) -> FinishedWindow:
        run, keys = self._run, self._run.keys
        manifest = read_manifest(run.store, keys.window_manifest(index))
        if manifest is None:
            raise DataError(f"The manifest of window {index} has vanished.", remedy="Run that window again.")
        metrics, series = (
            self._named(manifest, index, key) for key in (keys.window_metrics(index), keys.series(index))
        )
        stored = run.store.get(keys.execution(index))
        told = None if stored is None else parse_record(ExecutionRecord, stored.data, where=keys.execution(index))
        return self._parsed(index, manifest, metrics, series, told)

    def _named(self, manifest: Manifest, index: int, key: str) -> bytes:
        data = read_named(self._run.store, manifest, key, root=self._run.keys.root)
        if data is None:
            raise DataError(
                f"{key} is not what the manifest of window {index} says.",
                remedy="Run that window again: it mends its objects.",
            )
        return data

    def _parsed(
        self, index: int, manifest: Manifest, metrics: bytes, series: bytes, execution: ExecutionRecord | None
    ) -> FinishedWindow:
        keys, interval = self._run.keys, self._run.plan.procedure.market.interval
        return FinishedWindow(
            manifest=manifest,
            record=_read_traded_alone(metrics, where=keys.window_metrics(index)),
            series=read_series(series, interval=interval, where=keys.series(index)),
            execution=execution,
            readings={},
        )


def _read_traded_alone(metrics: bytes, *, where: str) -> WindowRecord:
    """The record without the models that were neither traded nor chosen by a search; those are not even looked at."""
    content = from_json_bytes(metrics, where=where)
    models, traded = content.get("models"), content.get("traded_model")
    if isinstance(models, dict):
        content["models"] = {
            name: model
            for name, model in models.items()
            if name == traded or not isinstance(model, dict) or model.get("search") is not None
        }
    return checked_record(WindowRecord, content, where=where)
