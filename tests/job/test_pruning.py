"""Pruning: what may go, what never does, and that a kill anywhere leaves no run half believed."""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from job.artifacts.folder import LocalStore
from job.artifacts.keys import RunKeys
from job.artifacts.manifest import read_manifest, verify
from job.artifacts.store import ObjectStore
from job.errors import ConfigError
from job.intervals import DAY_MS
from job.pruning import DEAD_AFTER_MS, delete_run, select_runs
from job.run.attempt import now_ms
from job.run.index import indexed_runs, note_pruned
from job.run.leftovers import refuse_leftovers
from job.run.plan import read_plan
from tests.support.runs import example_run
from tests.support.stored_objects import stored_objects
from tests.support.stored_runs import store_run, store_windows

RUNS = ("run-1", "run-2", "run-3")


class Killed(Exception):
    """The process is gone."""


@dataclass
class MortalStore:
    """A store whose user dies before its ``lives``-th change."""

    store: ObjectStore
    lives: int

    def __getattr__(self, name: str) -> Any:
        return getattr(self.store, name)

    def delete(self, key: str) -> None:
        self._live()
        self.store.delete(key)

    def put(self, key: str, data: bytes) -> str:
        self._live()
        return self.store.put(key, data)

    def replace(self, key: str, data: bytes, *, etag: str | None) -> bool:
        self._live()
        return self.store.replace(key, data, etag=etag)

    def _live(self) -> None:
        self.lives -= 1
        if self.lives < 0:
            raise Killed


@pytest.fixture(scope="module")
def three(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three finished runs of one market, an entry in the ledger, and a model in use; only to be copied."""
    folder = tmp_path_factory.mktemp("three")
    for run_id in RUNS:
        store = store_run(example_run(2), folder, run_id=run_id)
    store.put("ledger/binance-SOLUSDT-15m/00/0-1/00.json", b"{}")
    store.put("models/binance/SOLUSDT/15m/notes.json", b"{}")
    return folder


@pytest.fixture
def store(three: Path, tmp_path: Path) -> LocalStore:
    """A copy of them."""
    shutil.copytree(three, tmp_path / "store")
    return LocalStore(tmp_path / "store")


def going(
    store: ObjectStore, *, keep_last: int = 20, promoted: tuple[str, ...] = (), later_ms: int = 0
) -> dict[str, str]:
    """Which runs may go, and why."""
    selection = select_runs(store, keep_last=keep_last, promoted=promoted, now_ms=now_ms() + later_ms)
    return {pruned.run_id: pruned.why for pruned in selection.pruned}


def without(objects: dict[str, bytes], *run_ids: str) -> dict[str, bytes]:
    """Objects of other runs, and of none; the index apart."""
    roots = tuple(RunKeys(run_id).root for run_id in run_ids)
    return {key: data for key, data in objects.items() if not key.startswith(roots) and key != "runs-index.json"}


def check_nothing_is_half_believed(store: ObjectStore) -> None:
    """Who has a plan is whole, window by window; who is listed or has a manifest, has its result as well."""
    listed = indexed_runs(store)
    for run_id in RUNS:
        keys, plan = RunKeys(run_id), read_plan(store, run_id)
        manifest = read_manifest(store, keys.manifest)
        if plan is None:
            assert manifest is None and run_id not in listed
            continue
        for window in plan.windows:
            of_window = read_manifest(store, keys.window_manifest(window.index))
            assert of_window is not None and verify(store, of_window, root=keys.root) == []
        if run_id in listed:
            assert manifest is not None
        if manifest is not None:
            assert verify(store, manifest, root=keys.root) == []


def kill_everywhere(make: Any) -> Iterator[ObjectStore]:
    """The store after a deletion of the first run that was killed before its 1st, 2nd, ... change, and after none."""
    lives = 0
    while True:
        store = make(lives)
        try:
            delete_run(MortalStore(store, lives), RUNS[0])
        except Killed:
            yield store
            lives += 1
            continue
        yield store
        return


def test_the_newest_of_each_market_and_kind_stay(store: LocalStore) -> None:
    """As many as asked for; another symbol's and a basic training are counted by themselves."""
    other = example_run(2)
    market = other.plan.procedure.market.model_copy(update={"symbol": "ETHUSDT"})
    plan = other.plan.model_copy(
        update={"run_id": "other", "procedure": other.plan.procedure.model_copy(update={"market": market})}
    )
    store.put(RunKeys("other").plan, plan.model_dump_json().encode())
    store.put(RunKeys("other").manifest, b"{}")
    training = other.plan.model_copy(update={"run_id": "training", "kind": "training"})
    store.put(RunKeys("training").plan, training.model_dump_json().encode())
    store.put(RunKeys("training").manifest, b"{}")
    assert going(store) == {}
    assert going(store, keep_last=3) == {}
    assert going(store, keep_last=1) == {"run-1": "superseded", "run-2": "superseded"}


def test_what_is_promoted_or_runs_is_never_chosen(store: LocalStore) -> None:
    """Whatever its age and number; a run without a result may be anybody's for a month."""
    store_windows(example_run(2), store, run_id="running")
    assert going(store, keep_last=1, promoted=("run-1",)) == {"run-2": "superseded"}
    assert going(store, later_ms=DEAD_AFTER_MS - DAY_MS) == {}
    assert going(store, later_ms=DEAD_AFTER_MS + DAY_MS) == {"running": "dead"}
    assert going(store, promoted=("running",), later_ms=DEAD_AFTER_MS + DAY_MS) == {}


def test_selection_counts_objects_and_bytes(store: LocalStore) -> None:
    """What a deletion would free is what lies there."""
    objects = [info for info in store.list("runs/run-1/")]
    (pruned,) = select_runs(store, keep_last=2, promoted=(), now_ms=now_ms()).pruned
    assert (pruned.num_objects, pruned.num_bytes) == (len(objects), sum(info.size for info in objects))


def test_deleting_a_run_touches_nothing_else(store: LocalStore) -> None:
    """Ledger, models, and the other runs stay to the byte; the index loses one entry."""
    before = stored_objects(store)
    delete_run(store, "run-1")
    after = stored_objects(store)
    assert without(after, "run-1") == without(before, "run-1")
    assert not any(key.startswith("runs/run-1/") for key in after)
    assert set(indexed_runs(store)) == {"run-2", "run-3"}
    delete_run(store, "run-1")
    assert stored_objects(store) == after


def test_a_kill_before_any_change_leaves_no_run_half_believed(three: Path, tmp_path: Path) -> None:
    """Every reader finds the run whole or not at all; no new run takes its name; and the next pruning ends it."""

    def copied(lives: int) -> LocalStore:
        shutil.copytree(three, tmp_path / str(lives))
        return LocalStore(tmp_path / str(lives))

    stores = list(kill_everywhere(copied))
    end = stored_objects(stores[-1])
    assert len(stores) > 15, "a change for every object"
    for number, store in enumerate(stores):
        check_nothing_is_half_believed(store)
        left = any(store.list(RunKeys(RUNS[0]).root))
        if left and read_plan(store, RUNS[0]) is None:
            with pytest.raises(ConfigError, match="half deleted"):
                refuse_leftovers(store, RUNS[0])
        assert going(store) == ({RUNS[0]: "left over"} if left and number > 0 else {})
        for run_id in going(store):
            delete_run(store, run_id)
        if number > 0:
            assert stored_objects(store) == end


def test_an_order_that_believes_too_long_is_found_out(
    three: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without its order, the same check fails: windows vanish under a plan."""
    monkeypatch.setattr("job.pruning._rank", lambda _, key: key)

    def copied(lives: int) -> LocalStore:
        shutil.copytree(three, tmp_path / str(lives))
        return LocalStore(tmp_path / str(lives))

    with pytest.raises(AssertionError):
        for store in kill_everywhere(copied):
            check_nothing_is_half_believed(store)


def test_an_entry_of_nothing_is_taken_out(store: LocalStore) -> None:
    """A finalizer that was under way may list a run once more when all of it is gone."""
    delete_run(store, "run-1")
    store_run(example_run(2), Path(store.location), run_id="ghost")
    for info in list(store.list("runs/ghost/")):
        store.delete(info.key)
    assert going(store) == {"ghost": "listed only"}
    delete_run(store, "ghost")
    assert going(store) == {} and "ghost" not in indexed_runs(store)
    note_pruned(store, "ghost")


def test_a_name_is_free_again_when_all_is_deleted(store: LocalStore) -> None:
    """And a run that is there, or was never, is not refused."""
    for run_id in ("run-1", "never"):
        refuse_leftovers(store, run_id)
    delete_run(store, "run-1")
    refuse_leftovers(store, "run-1")
