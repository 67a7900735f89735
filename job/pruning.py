"""Old runs chosen and deleted, so that a store that grows for years stays in order. The ledger is never touched.

At each moment a reader finds a run whole or not at all. A mark says that it is to go; its entry leaves the index; then
its manifest is deleted, then its plan: without a plan nobody believes what lies beside it. The rest follows, the
manifests of its windows first, and the mark last. What a pruning that was killed has left is ended by the next one, and
until then no new run takes that name.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from job import interruption
from job.artifacts.json_bytes import to_json_bytes
from job.artifacts.keys import RUNS_PREFIX, RunKeys
from job.artifacts.store import ObjectInfo, ObjectStore
from job.intervals import DAY_MS
from job.records import SCHEMA_VERSION, PlanRecord
from job.run.index import indexed_runs, note_pruned
from job.run.plan import read_plan

# A month after its last sign of life a run without a result is nobody's any more.
DEAD_AFTER_MS = 30 * DAY_MS
MARK = to_json_bytes({"schema_version": SCHEMA_VERSION})

Why: TypeAlias = Literal["superseded", "dead", "left over", "listed only"]
WHY: dict[Why, str] = {
    "superseded": "newer runs of its market and kind are kept",
    "dead": "it has no result, and nothing has stirred in it for 30 days",
    "left over": "an interrupted pruning has begun with it",
    "listed only": "the index names it, and nothing of it is there",
}


@dataclass(frozen=True, kw_only=True)
class PrunedRun:
    """A run that may go: why, how many objects it has, and their bytes."""

    run_id: str
    why: Why
    num_objects: int
    num_bytes: int


@dataclass(frozen=True, kw_only=True)
class Selection:
    """The runs that may go, and the plans of those that stay."""

    pruned: tuple[PrunedRun, ...]
    kept: tuple[PlanRecord, ...]


@dataclass(kw_only=True)
class _Found:
    """What a listing says of one run."""

    keys: set[str] = field(default_factory=set)
    num_bytes: int = 0
    stirred_ms: int = 0

    def add(self, info: ObjectInfo) -> None:
        self.keys.add(info.key)
        self.num_bytes += info.size
        self.stirred_ms = max(self.stirred_ms, info.modified_ms)


def select_runs(store: ObjectStore, *, keep_last: int, promoted: Collection[str], now_ms: int) -> Selection:
    """Choose what may go, from one listing and the plans; nothing is changed.

    Parameters
    ----------
    keep_last : runs with a result that stay of each market and kind, the newest.
    promoted : ids of runs that stay, whatever their age.
    now_ms : tells the dead from the running.
    """
    found = _listed(store)
    plans = {run_id: plan for run_id in found if (plan := read_plan(store, run_id)) is not None}
    why: dict[str, Why] = {run_id: "listed only" for run_id in indexed_runs(store) if run_id not in found}
    marked = {run_id for run_id, each in found.items() if RunKeys(run_id).pruning in each.keys}
    why |= {run_id: "left over" for run_id in found if run_id in marked or run_id not in plans}
    live = {run_id: plan for run_id, plan in plans.items() if run_id not in marked}
    finished = {run_id: plan for run_id, plan in live.items() if RunKeys(run_id).manifest in found[run_id].keys}
    why |= {run_id: "superseded" for run_id in _superseded(finished.values(), keep_last)}
    silent = (run_id for run_id in live.keys() - finished.keys() if _is_dead(found[run_id], now_ms))
    why |= dict.fromkeys(silent, "dead")
    going = {run_id: reason for run_id, reason in why.items() if run_id not in promoted}
    return Selection(
        pruned=tuple(_pruned(run_id, going[run_id], found.get(run_id, _Found())) for run_id in sorted(going)),
        kept=tuple(plan for run_id, plan in sorted(plans.items()) if run_id not in going),
    )


def delete_run(store: ObjectStore, run_id: str) -> None:
    """Delete one run in the order of this module; the same again after a kill, wherever it came.

    Raises
    ------
    Interrupted
        Between two objects, where somebody has asked this process to stop.
    """
    keys = RunKeys(run_id)
    store.put(keys.pruning, MARK)
    note_pruned(store, run_id)
    present = [info.key for info in store.list(keys.root)]
    for key in sorted(present, key=lambda each: _rank(keys, each)):
        interruption.check()
        store.delete(key)


def _rank(keys: RunKeys, key: str) -> tuple[int, str]:
    """When an object goes: manifest, plan, manifests of windows, the rest, the mark."""
    is_window_manifest = key.startswith(f"{keys.root}windows/") and key.endswith("/manifest.json")
    order = (key == keys.manifest, key == keys.plan, is_window_manifest, key != keys.pruning, True)
    return order.index(True), key


def _is_dead(found: _Found, now_ms: int) -> bool:
    return now_ms - found.stirred_ms >= DEAD_AFTER_MS


def _listed(store: ObjectStore) -> dict[str, _Found]:
    found: defaultdict[str, _Found] = defaultdict(_Found)
    for info in store.list(RUNS_PREFIX):
        run_id, is_inside, _ = info.key.removeprefix(RUNS_PREFIX).partition("/")
        if is_inside:
            found[run_id].add(info)
    return dict(found)


def _superseded(plans: Iterable[PlanRecord], keep_last: int) -> list[str]:
    """All but the newest of each market and kind."""
    series: defaultdict[tuple[str, ...], list[PlanRecord]] = defaultdict(list)
    for plan in plans:
        market = plan.procedure.market
        series[plan.kind, market.venue, market.symbol, market.interval].append(plan)
    return [
        plan.run_id
        for each in series.values()
        for plan in sorted(each, key=lambda plan: (plan.created_at_ms, plan.run_id), reverse=True)[keep_last:]
    ]


def _pruned(run_id: str, why: Why, found: _Found) -> PrunedRun:
    return PrunedRun(run_id=run_id, why=why, num_objects=len(found.keys), num_bytes=found.num_bytes)
