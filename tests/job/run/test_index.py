import math
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from job.artifacts.folder import LocalStore
from job.artifacts.stored_records import parse_record
from job.errors import DataError
from job.records import PlanRecord, RunIndexEntry, RunsIndexRecord, SummaryRecord
from job.report.summary import summary_record
from job.run.index import index_bytes, indexed_runs, note_finished, note_started, note_trained
from tests.support.run_indexes import made_up_index
from tests.support.runs import example_run

PLAN = example_run(3).plan


def summary(*, failed: tuple[int, ...] = ()) -> SummaryRecord:
    """The summary of a run of three windows."""
    run = example_run(3, failed=failed)
    return summary_record(run.plan, run.evaluation, "", {str(index): "gone" for index in failed}, "ledger")


def index_of(store: LocalStore) -> RunsIndexRecord:
    """The stored index."""
    stored = store.get("runs-index.json")
    assert stored is not None
    return parse_record(RunsIndexRecord, stored.data, where="runs-index.json")


def values_of(entry: RunIndexEntry) -> dict[str, object]:
    """Every value of an entry, by its path."""
    fields: dict[str, object] = {}
    for name, value in entry.model_dump().items():
        fields |= {f"{name}.{part}": each for part, each in value.items()} if isinstance(value, dict) else {name: value}
    return fields


def differing(noted: RunIndexEntry, meant: RunIndexEntry) -> list[str]:
    """The paths of values that differ, by more than one part in ten millions where they are numbers."""
    found, wanted = values_of(noted), values_of(meant)
    pairs = [(name, found.get(name), wanted.get(name)) for name in found.keys() | wanted.keys()]
    return [
        name
        for name, one, other in pairs
        if one != other
        and not (isinstance(one, float) and isinstance(other, float) and math.isclose(one, other, rel_tol=1e-7))
    ]


def named(run_id: str) -> PlanRecord:
    """The plan under another name."""
    return PLAN.model_copy(update={"run_id": run_id})


def test_run_is_entered_as_running_and_ends_with_its_headline(tmp_path: Path) -> None:
    """The entry follows the run: counts first, then what it found; a pod that starts late changes nothing back."""
    store = LocalStore(tmp_path)
    note_started(store, PLAN)
    entry = index_of(store).runs["example"]
    assert (entry.state, entry.num_windows, entry.num_done, entry.verdict) == ("running", 3, 0, None)
    found = summary(failed=(1,))
    note_finished(store, PLAN, found)
    note_started(store, PLAN)
    entry = index_of(store).runs["example"]
    assert (entry.state, entry.num_done, entry.num_failed) == ("finished", 2, 1)
    assert (entry.verdict, entry.num_trials) == (found.verdict, found.num_trials)
    headline = entry.model_copy(
        update={"dsr": found.dsr, "sharpe_ratio": found.models["lorentzian"].measures["sharpe_ratio"]}
    )
    assert differing(entry, headline) == []


def test_training_is_entered_as_finished_without_a_headline(tmp_path: Path) -> None:
    """A basic training has no finalizer, and does not run for ever in the list."""
    store = LocalStore(tmp_path)
    note_started(store, PLAN)
    note_trained(store, PLAN)
    entry = index_of(store).runs["example"]
    assert (entry.state, entry.num_done, entry.num_failed, entry.verdict) == ("finished", 3, 0, None)


def test_index_is_lean_and_says_the_same(tmp_path: Path) -> None:
    """At most 560 bytes a run, and what is read is what was written: absent fields, reasons and numbers alike."""
    runs = made_up_index(500).runs
    data = index_bytes(runs)
    assert len(data) <= 560 * len(runs)
    store = LocalStore(tmp_path)
    store.put("runs-index.json", data)
    read = indexed_runs(store)
    assert index_bytes(read) == data
    for name, run in runs.items():
        assert differing(read[name], run) == []


def test_many_writers_at_once_lose_nothing(tmp_path: Path) -> None:
    """Sixteen runs that start and end at the same time are all there, each as it ended."""
    found = summary()

    def live(number: int) -> None:
        store = LocalStore(tmp_path)
        note_started(store, named(f"run-{number}"))
        if number % 2:
            note_finished(store, named(f"run-{number}"), found)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(live, range(16)))
    runs = index_of(LocalStore(tmp_path)).runs
    assert {name: entry.state for name, entry in runs.items()} == {
        f"run-{number}": "finished" if number % 2 else "running" for number in range(16)
    }


def test_damaged_index_is_named_and_not_replaced(tmp_path: Path) -> None:
    """An index that cannot be read is somebody's data: it stays, and the error says which object it is."""
    store = LocalStore(tmp_path)
    store.put("runs-index.json", b"half an ind")
    with pytest.raises(DataError, match=r"runs-index\.json"):
        note_started(store, PLAN)
    stored = store.get("runs-index.json")
    assert stored is not None and stored.data == b"half an ind"
