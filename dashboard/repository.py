"""Reads over the artifact store: conditional, cached, never more than a page needs, and never trusted.

Everything that a run's manifest names is fixed by its digest and read once; the index, plans and manifests are asked
for again with their entity tag. Nothing is ever written, unpickled or opened as a model.
"""

import hashlib
import threading
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, TypeVar

from numpy.typing import NDArray

from dashboard.cache import ByteCache, Kept
from dashboard.index_reading import listed_index, parse_index
from dashboard.reading import Fault, Live, Reading, RunResult, RunsIndex, Session
from dashboard.telemetry import timed_read
from job.artifacts.curves import RunCurves, read_curves
from job.artifacts.json_bytes import MAX_JSON_BYTES
from job.artifacts.keys import RUNS_INDEX, RunKeys
from job.artifacts.manifest import Manifest, parse_manifest
from job.artifacts.npz import bytes_to_arrays
from job.artifacts.store import ObjectStore, StoredObject
from job.artifacts.stored_records import parse_record
from job.errors import DataError, JobError, NoDataError, TransientError
from job.records import (
    AuditRecord,
    ExecutionRecord,
    FailureRecord,
    HoldoutRecord,
    PlanRecord,
    Record,
    SummaryRecord,
    WindowRecord,
)
from job.records.windows import WindowsRecord
from job.run.attempt import now_ms
from job.run.state import WindowState, training_state, window_states

MAX_BYTES = MAX_JSON_BYTES
# Everybody who watches one run shares a listing.
LIVE_FOR_MS = 5_000


@dataclass(kw_only=True)
class ReadCounts:
    """Reads that memory could answer, and those for which an object was fetched; a guide, not an account."""

    num_known: int = 0
    num_fetched: int = 0


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
        self.cache = ByteCache(max_bytes)
        self.counts = ReadCounts()
        self._live: dict[str, Live] = {}
        self._live_lock = threading.Lock()

    @property
    def location(self) -> str:
        """The save path, without a secret."""
        return self._store.location

    def now_ms(self) -> int:
        """The wall clock."""
        return self._clock()

    def index(self) -> Reading[RunsIndex]:
        """Every run: one conditional read, or a listing where there is no index."""
        reading = self._read(RUNS_INDEX, partial(parse_index, location=self.location))
        if reading is not None:
            return reading
        with timed_read("list"):
            index = listed_index(self._store)
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
        manifest = self._read(keys.manifest, partial(parse_manifest, where=keys.manifest))
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
        reading = self._read(key, partial(parse_record, PlanRecord, where=key))
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

    def audit(self, run_id: str) -> Reading[AuditRecord] | None:
        """The newest audit of a run; None where there has been none."""
        key = RunKeys(run_id).audit
        return self._read(key, _record(AuditRecord, key))

    def executions(self, run_id: str, indices: Iterable[int]) -> list[ExecutionRecord]:
        """How windows ran that are done; what is absent or unreadable is left out, since nothing rests on it."""
        keys = RunKeys(run_id)
        found = []
        for key in map(keys.execution, indices):
            kept = self.cache.get(key)
            with suppress(DataError):
                record = _record(ExecutionRecord, key)
                reading = _reading(key, kept) if kept is not None else self._read(key, record)
                if reading is not None:
                    found.append(reading.value)
        return found

    def failure(self, run_id: str, index: int) -> FailureRecord | None:
        """Why a window failed for good; None where it did not."""
        key = RunKeys(run_id).window_failure(index)
        reading = self._read(key, _record(FailureRecord, key))
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
        live = Live(plan=plan, states=states, read_at_ms=now)
        with self._live_lock:
            self._live = {key: each for key, each in self._live.items() if now - each.read_at_ms < LIVE_FOR_MS}
            self._live[run_id] = live
        return live

    def _result(self, keys: RunKeys, manifest: Manifest) -> RunResult:
        faults: list[Fault] = []

        def optional(key: str, parse: Callable[[bytes], T]) -> T | None:
            try:
                return self._named(manifest, keys, key, parse)
            except DataError as error:
                faults.append(Fault.of(key, error))
                return None

        summary = self._named(manifest, keys, keys.summary, _record(SummaryRecord, keys.summary))
        curves: RunCurves | None = optional(keys.curves, partial(read_curves, where=keys.curves))
        windows = optional(keys.windows, _record(WindowsRecord, keys.windows))
        return RunResult(
            summary=summary, curves=curves, windows=windows, holdout=self._holdout(keys, faults), faults=tuple(faults)
        )

    def _holdout(self, keys: RunKeys, faults: list[Fault]) -> HoldoutRecord | None:
        """Only where the plan locked days away: it is written when they are opened, after the manifest."""
        plan = self.cache.get(keys.plan)
        if plan is None or plan.value.holdout_start_ms is None:
            return None
        try:
            reading = self._read(keys.holdout, _record(HoldoutRecord, keys.holdout))
        except DataError as error:
            faults.append(Fault.of(keys.holdout, error))
            return None
        return None if reading is None else reading.value

    def _of_window(self, keys: RunKeys, index: int, key: str, parse: Callable[[bytes], T]) -> T:
        manifest_key = keys.window_manifest(index)
        manifest = self._read(manifest_key, partial(parse_manifest, where=manifest_key))
        if manifest is None:
            raise NoDataError(
                f"Window {index} of run {keys.run_id} is not finished.", remedy="Look at Live for how far it is."
            )
        return self._named(manifest.value, keys, key, parse)

    def _read(self, key: str, parse: Callable[[bytes], T]) -> Reading[T] | None:
        """An object that may change; what is known stands in, marked stale, while the store is away."""
        kept = self.cache.get(key)
        try:
            with timed_read("get"):
                stored = (
                    self._store.get(key, max_bytes=MAX_BYTES)
                    if kept is None
                    else self._store.reread(key, kept.known, max_bytes=MAX_BYTES)
                )
        except TransientError as error:
            if kept is None:
                raise
            return _reading(key, kept, stale_reason=error.message)
        if stored is None:
            self.cache.drop(key)
            return None
        if kept is not None and stored is kept.known:
            kept = replace(kept, read_at_ms=self._clock())
            self.counts.num_known += 1
        else:
            kept = self._kept(stored, parse(stored.data))
        self.cache.put(key, kept)
        return _reading(key, kept)

    def _named(self, manifest: Manifest, keys: RunKeys, key: str, parse: Callable[[bytes], T]) -> T:
        """An object as the manifest names it, which can never change: asked for once."""
        entry = next((each for each in manifest.objects if keys.root + each.key == key), None)
        if entry is None:
            raise DataError(
                f"{key} is not among the run's results: an older version wrote them.",
                remedy=f"Make them anew: lorentzian finalize --run-id {keys.run_id}",
            )
        cache_key = f"{key}#{entry.sha256}"
        kept = self.cache.get(cache_key)
        if kept is not None:
            self.counts.num_known += 1
        else:
            with timed_read("get"):
                stored = self._store.get(key, max_bytes=MAX_BYTES)
            if stored is None or hashlib.sha256(stored.data).hexdigest() != entry.sha256:
                raise DataError(
                    f"{key} is not what its manifest says.",
                    remedy="Run the same command again: it mends what is damaged.",
                )
            kept = self._kept(stored, parse(stored.data))
            self.cache.put(cache_key, kept)
        value: T = kept.value
        return value

    def _kept(self, stored: StoredObject, value: object) -> Kept:
        self.counts.num_fetched += 1
        known = StoredObject(data=b"", etag=stored.etag)
        return Kept(value=value, known=known, size=len(stored.data), read_at_ms=self._clock())


def _record(kind: type[RecordT], key: str) -> Callable[[bytes], RecordT]:
    return partial(parse_record, kind, where=key)


def _reading(key: str, kept: Kept, *, stale_reason: str = "") -> Reading[Any]:
    return Reading(
        value=kept.value, key=key, etag=kept.known.etag, read_at_ms=kept.read_at_ms, stale_reason=stale_reason
    )


def readable(read: Callable[[], object]) -> str:
    """Why a read does not work, one sentence; empty where it does."""
    try:
        read()
    except JobError as error:
        return error.message
    return ""
