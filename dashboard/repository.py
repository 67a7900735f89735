"""Reads over the artifact store: conditional, cached, never more than a page needs, and never trusted.

Everything that a run's manifest names is fixed by its digest and read once; the index, plans and manifests are asked
for again with their entity tag. Nothing is ever written, unpickled or opened as a model.
"""

import threading
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import replace
from functools import partial
from itertools import islice
from typing import Any, TypeVar

from numpy.typing import NDArray

from dashboard.index_reading import listed_index, parse_index
from dashboard.reading import Fault, Live, Reading, RunResult, RunsIndex, Session
from dashboard.stored_objects import StoredObjects
from dashboard.telemetry import timed_read
from job.artifacts.curves import RunCurves, read_curves
from job.artifacts.keys import MODELS_PREFIX, RUNS_INDEX, ModelKeys, RunKeys
from job.artifacts.manifest import Manifest, parse_manifest
from job.artifacts.npz import bytes_to_arrays
from job.artifacts.store import ObjectStore
from job.artifacts.stored_records import parse_record
from job.errors import DataError, NoDataError, TransientError
from job.records import (
    AuditRecord,
    CurrentModelRecord,
    ExecutionRecord,
    FailureRecord,
    HoldoutRecord,
    PlanRecord,
    Record,
    RunExecutionRecord,
    SinceReleaseRecord,
    SummaryRecord,
    WindowRecord,
    WindowRunRecord,
)
from job.records.windows import WindowsRecord
from job.run.attempt import now_ms
from job.run.state import WindowState, training_state, window_states

# Everybody who watches one run shares a listing.
LIVE_FOR_MS = 5_000
# A page of markets is for people: of more objects than this under `models/` the first are listed.
MAX_MODEL_OBJECTS = 2_000


T = TypeVar("T")
RecordT = TypeVar("RecordT", bound=Record)


class Repository:
    """What the pages read.

    Parameters
    ----------
    store : the save path.
    max_bytes : of parsed objects to keep.
    clock : the wall clock, UTC milliseconds.
    """

    def __init__(self, store: ObjectStore, *, max_bytes: int, clock: Callable[[], int] = now_ms) -> None:
        self._store = store
        self._clock = clock
        self.objects = StoredObjects(store, max_bytes=max_bytes, clock=clock)
        self._live: dict[str, Live] = {}
        self._live_lock = threading.Lock()
        self._released: frozenset[ModelKeys] = frozenset()

    @property
    def location(self) -> str:
        """The save path, without a secret."""
        return self._store.location

    def now_ms(self) -> int:
        """The wall clock."""
        return self._clock()

    def stored_index(self) -> Reading[RunsIndex] | None:
        """Every run as the index has it: one conditional read; `DataError` where it cannot be used."""
        return self.objects.read(RUNS_INDEX, partial(parse_index, location=self.location))

    def index(self) -> Reading[RunsIndex]:
        """Every run: as in `stored_index`, or by a listing where there is no index or none that can be used."""
        faults: tuple[Fault, ...] = ()
        try:
            reading = self.stored_index()
        except DataError as error:
            reading, faults = None, (Fault.of(RUNS_INDEX, error),)
        if reading is not None:
            return reading
        with timed_read("list"):
            index = listed_index(self._store)
        index = replace(index, faults=faults + index.faults)
        return Reading(value=index, key=RUNS_INDEX, etag="", read_at_ms=self._clock())

    def session(self, run_id: str) -> Session:
        """One run with all that is stored of its result: five reads at first, then two conditional ones.

        Raises
        ------
        ConfigError
            For a name that no run can have.
        NoDataError
            Where there is no such run.
        DataError
            Where its plan, manifest or summary cannot be used.
        """
        keys = RunKeys(run_id)
        plan = self.plan(run_id)
        manifest = self.objects.read(keys.manifest, partial(parse_manifest, where=keys.manifest))
        return Session(
            plan=plan,
            manifest_etag="" if manifest is None else manifest.etag,
            result=None if manifest is None or plan.value.kind == "training" else self._result(keys, manifest.value),
            read_at_ms=plan.read_at_ms if manifest is None else min(plan.read_at_ms, manifest.read_at_ms),
            stale_reason=plan.stale_reason or ("" if manifest is None else manifest.stale_reason),
        )

    def plan(self, run_id: str) -> Reading[PlanRecord]:
        """The plan of a run; errors as in `session`."""
        key = RunKeys(run_id).plan
        reading = self.objects.read(key, partial(parse_record, PlanRecord, where=key))
        if reading is None:
            raise NoDataError(
                f"There is no run {run_id} under {self.location}.", remedy="Choose one of the runs on the overview."
            )
        return reading

    def window(self, run_id: str, index: int) -> WindowRecord:
        """One window with all its models; `NoDataError` where it is not finished."""
        keys = RunKeys(run_id)
        key = keys.window_metrics(index)
        return self._of_window(keys, index, key, partial(parse_record, WindowRecord, where=key))

    def window_series(self, run_id: str, index: int) -> Mapping[str, NDArray[Any]]:
        """One window bar by bar: the arrays of its ``series.npz``; `NoDataError` where it is not finished."""
        keys = RunKeys(run_id)
        key = keys.series(index)
        return self._of_window(keys, index, key, partial(bytes_to_arrays, where=key))

    def window_runs(self, run_id: str) -> Mapping[str, WindowRunRecord]:
        """How each window of a finished run ran, by its index; empty where that is absent or unreadable."""
        key = RunKeys(run_id).execution_of_windows
        with suppress(DataError):
            reading = self.objects.read(key, _record(RunExecutionRecord, key), is_beside=True)
            if reading is not None:
                return reading.value.windows
        return {}

    def released_markets(self) -> tuple[ModelKeys, ...]:
        """The markets that have a model in use: one listing."""
        with timed_read("list"):
            keys = [info.key for info in islice(self._store.list(MODELS_PREFIX), MAX_MODEL_OBJECTS)]
        found = [parts[1:4] for key in keys if (parts := key.split("/"))[4:] == ["current.json"]]
        return tuple(ModelKeys(venue=venue, symbol=symbol, interval=interval) for venue, symbol, interval in found)

    def is_released(self, market: ModelKeys) -> bool:
        """Whether a market has a model in use; while the store is away, whether it had one when that was last asked."""
        try:
            self._released = frozenset(self.released_markets())
        except TransientError:
            if market not in self._released:
                raise
        return market in self._released

    def current_model(self, market: ModelKeys) -> Reading[CurrentModelRecord] | None:
        """Which model is in use for a market; None where none is."""
        return self.objects.read(market.current, _record(CurrentModelRecord, market.current))

    def since_release(self, market: ModelKeys) -> Reading[SinceReleaseRecord] | None:
        """What became of the model in use; None before it has forecast anything."""
        key = market.since_release
        return self.objects.read(key, _record(SinceReleaseRecord, key), is_beside=True)

    def audit(self, run_id: str) -> Reading[AuditRecord] | None:
        """The newest audit of a run; None where there has been none."""
        key = RunKeys(run_id).audit
        return self.objects.read(key, _record(AuditRecord, key), is_beside=True)

    def executions(self, run_id: str, indices: Iterable[int]) -> list[ExecutionRecord]:
        """How windows ran that are done; what is absent or unreadable is left out, since nothing rests on it."""
        keys = RunKeys(run_id)
        found = []
        for key in map(keys.execution, indices):
            with suppress(DataError):
                reading = self.objects.known(key) or self.objects.read(
                    key, _record(ExecutionRecord, key), is_beside=True
                )
                if reading is not None:
                    found.append(reading.value)
        return found

    def failure(self, run_id: str, index: int) -> FailureRecord | None:
        """Why a window failed for good; None where it did not."""
        key = RunKeys(run_id).window_failure(index)
        reading = self.objects.read(key, _record(FailureRecord, key), is_beside=True)
        return None if reading is None else reading.value

    def live(self, run_id: str) -> Live:
        """How far a run is: one listing and the small objects that it names, shared for some seconds."""
        plan = self.plan(run_id).value
        with self._live_lock:
            known = self._live.get(run_id)
            if known is not None and self._clock() - known.read_at_ms < LIVE_FOR_MS:
                return known
        now = self._clock()
        with timed_read("live"):
            states: tuple[WindowState, ...]
            if plan.kind == "training":
                states = (training_state(self._store, plan, now_ms=now),)
            else:
                states = window_states(self._store, plan, now_ms=now)
        live = Live(plan=plan, states=states, has_result=self._has_manifest(run_id), read_at_ms=now)
        with self._live_lock:
            self._live = {key: each for key, each in self._live.items() if now - each.read_at_ms < LIVE_FOR_MS}
            self._live[run_id] = live
        return live

    def _has_manifest(self, run_id: str) -> bool:
        """Whether a run has a manifest, be it a damaged one, which the pages of its result tell."""
        key = RunKeys(run_id).manifest
        try:
            return self.objects.read(key, partial(parse_manifest, where=key)) is not None
        except DataError:
            return True

    def _result(self, keys: RunKeys, manifest: Manifest) -> RunResult:
        faults: list[Fault] = []

        def optional(key: str, parse: Callable[[bytes], T]) -> T | None:
            try:
                return self.objects.named(manifest, keys, key, parse)
            except DataError as error:
                faults.append(Fault.of(key, error))
                return None

        summary = self.objects.named(manifest, keys, keys.summary, _record(SummaryRecord, keys.summary))
        curves: RunCurves | None = optional(keys.curves, partial(read_curves, where=keys.curves))
        windows = optional(keys.windows, _record(WindowsRecord, keys.windows))
        return RunResult(
            summary=summary, curves=curves, windows=windows, holdout=self._holdout(keys, faults), faults=tuple(faults)
        )

    def _holdout(self, keys: RunKeys, faults: list[Fault]) -> HoldoutRecord | None:
        """Only where the plan locked days away: it is written when they are opened, after the manifest."""
        plan = self.objects.known(keys.plan)
        if plan is None or plan.value.holdout_start_ms is None:
            return None
        try:
            reading = self.objects.read(keys.holdout, _record(HoldoutRecord, keys.holdout), is_beside=True)
        except DataError as error:
            faults.append(Fault.of(keys.holdout, error))
            return None
        return None if reading is None else reading.value

    def _of_window(self, keys: RunKeys, index: int, key: str, parse: Callable[[bytes], T]) -> T:
        manifest_key = keys.window_manifest(index)
        manifest = self.objects.read(manifest_key, partial(parse_manifest, where=manifest_key))
        if manifest is None:
            raise NoDataError(
                f"Window {index} of run {keys.run_id} is not finished.", remedy="Look at Live for how far it is."
            )
        return self.objects.named(manifest.value, keys, key, parse)


def _record(kind: type[RecordT], key: str) -> Callable[[bytes], RecordT]:
    return partial(parse_record, kind, where=key)
