"""Reads are few, conditional and never trusted; what cannot be read hides nothing else."""

import json
import re
import shutil
from functools import partial
from pathlib import Path

import pytest

from dashboard.pages import windows
from job.artifacts.folder import LocalStore
from job.artifacts.keys import RUNS_INDEX, RunKeys
from job.errors import ConfigError, DataError, NoDataError, StorageForbidden, StorageUnavailable
from tests.support.dashboards import FINISHED, OTHER, RUNNING, Clock, watched_repository


@pytest.fixture
def copied(runs: LocalStore, tmp_path: Path) -> LocalStore:
    """The runs once more, to be damaged."""
    shutil.copytree(runs.location, tmp_path / "copy")
    return LocalStore(tmp_path / "copy")


def test_index_is_one_read_and_transferred_once(runs: LocalStore) -> None:
    """Each look asks once; only the first brings bytes."""
    repository, watched = watched_repository(runs)
    first, second = repository.index(), repository.index()
    assert watched.reads == [RUNS_INDEX, RUNS_INDEX]
    assert watched.num_transferred == 1
    assert set(first.value.runs) == set(second.value.runs) == {FINISHED, OTHER, RUNNING}
    assert first.value.faults == ()


def test_session_takes_six_reads_at_most_and_then_two(runs: LocalStore) -> None:
    """Plan, manifest, summary, curves and windows; afterwards plan and manifest alone are asked for, and not sent."""
    repository, watched = watched_repository(runs)
    session = repository.session(FINISHED)
    assert len(watched.reads) == watched.num_transferred == 5
    assert session.result is not None
    assert session.result.curves is not None
    assert session.result.windows is not None
    assert session.result.faults == ()
    watched.reads.clear()
    assert repository.session(FINISHED).result is not None
    assert watched.reads == [RunKeys(FINISHED).plan, RunKeys(FINISHED).manifest]
    assert watched.num_transferred == 5


def test_windows_page_takes_one_read_more(runs: LocalStore) -> None:
    """How the windows ran is one object, and no page of a run takes more than six reads, nor lists anything."""
    repository, watched = watched_repository(runs)
    windows.layout(repository, run_id=FINISHED)
    assert len(watched.reads) == 6
    assert watched.reads[-1] == RunKeys(FINISHED).execution_of_windows


def test_running_run_has_a_plan_and_no_result(runs: LocalStore) -> None:
    """Without a manifest nothing of a result is believed."""
    repository, _ = watched_repository(runs)
    assert repository.session(RUNNING).result is None


@pytest.mark.parametrize("run_id", ["../../etc/passwd", "a/b", "", "x" * 64, ".hidden", "<b>"])
def test_hostile_run_id_never_becomes_a_key(runs: LocalStore, run_id: str) -> None:
    """A name that no run can have is refused before the store is asked."""
    repository, watched = watched_repository(runs)
    with pytest.raises(ConfigError):
        repository.session(run_id)
    assert watched.reads == []


def test_absent_run_is_told_from_a_bad_name(runs: LocalStore) -> None:
    """A good name without a plan is no data, not a fault."""
    repository, _ = watched_repository(runs)
    with pytest.raises(NoDataError, match="no run nobody"):
        repository.session("nobody")


def test_store_that_is_away_leaves_what_is_known(runs: LocalStore) -> None:
    """What was read stays, with the reason and its old time; what was not is an error."""
    clock = Clock()
    repository, watched = watched_repository(runs, clock)
    fresh = repository.index()
    watched.error = StorageUnavailable("It did not answer.")
    clock.time_ms += 60_000
    stale = repository.index()
    assert stale.value is fresh.value
    assert stale.read_at_ms == fresh.read_at_ms
    assert stale.stale_reason == "It did not answer."
    with pytest.raises(StorageUnavailable):
        repository.session(FINISHED)


def test_forbidden_is_never_stale(runs: LocalStore) -> None:
    """A right that was taken away is told at once."""
    repository, watched = watched_repository(runs)
    repository.index()
    watched.error = StorageForbidden("May not read.")
    with pytest.raises(StorageForbidden):
        repository.index()


@pytest.mark.parametrize("damage", [b"", b"PK\x03\x04 truncated", b"\x80\x04\x95 a pickle"])
def test_damaged_curves_hide_no_summary(copied: LocalStore, damage: bytes) -> None:
    """The summary stays, the curves are None, and the fault names the key."""
    keys = RunKeys(FINISHED)
    copied.put(keys.curves, damage)
    repository, _ = watched_repository(copied)
    result = repository.session(FINISHED).result
    assert result is not None
    assert result.curves is None
    assert [fault.key for fault in result.faults] == [keys.curves]
    assert result.summary.num_windows == 4


def test_summary_that_is_not_the_manifests_is_refused(copied: LocalStore) -> None:
    """A number that somebody changed afterwards is not shown."""
    keys = RunKeys(FINISHED)
    stored = copied.get(keys.summary)
    assert stored is not None
    copied.put(keys.summary, stored.data.replace(b'"num_days": ', b'"num_days": 1'))
    repository, _ = watched_repository(copied)
    with pytest.raises(DataError, match="not what its manifest says"):
        repository.session(FINISHED)


def test_bad_entries_of_the_index_hide_no_others(copied: LocalStore) -> None:
    """A path, markup, a NaN's null and an entry under another's name are faults; the good runs stay."""
    stored = copied.get(RUNS_INDEX)
    assert stored is not None
    index = json.loads(stored.data)
    good = index["runs"][FINISHED]
    index["runs"] |= {
        "../../up": good,
        "<script>alert(1)</script>": good,
        "stranger": good,
        "odd": {"run_id": "odd", "state": "sleeping"},
        "text": "no entry",
    }
    copied.put(RUNS_INDEX, json.dumps(index).encode())
    reading = watched_repository(copied)[0].index()
    assert set(reading.value.runs) == {FINISHED, OTHER, RUNNING}
    assert len(reading.value.faults) == 5


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b'{"runs": {}, "schema_version": 2}', "newer version"),
        (b'{"runs": [], "schema_version": 1}', "no index"),
        (b'{"runs": {"a": NaN}, "schema_version": 1}', "not JSON"),
        (b'{"runs": {', "truncated"),
        (b"[" * 100_000, "truncated|nested"),
    ],
)
def test_index_that_is_none_is_named(copied: LocalStore, data: bytes, words: str) -> None:
    """Damaged, foreign, newer, or made to exhaust a parser: one sentence, and the runs are found by a listing."""
    copied.put(RUNS_INDEX, data)
    repository, _ = watched_repository(copied)
    index = repository.index().value
    (fault,) = index.faults
    assert fault.key == RUNS_INDEX
    assert re.search(words, fault.message)
    assert set(index.runs) == {FINISHED, OTHER, RUNNING}
    with pytest.raises(DataError, match=words):
        repository.stored_index()


def test_missing_index_is_made_from_a_listing(copied: LocalStore) -> None:
    """The runs are found by their plans, and the page can say from how many objects."""
    copied.delete(RUNS_INDEX)
    index = watched_repository(copied)[0].index().value
    assert set(index.runs) == {FINISHED, OTHER, RUNNING}
    assert index.num_listed is not None
    assert index.num_listed > 10
    assert index.runs[FINISHED].state == "finished"
    assert index.runs[RUNNING].state == "running"


def test_huge_object_is_not_read(copied: LocalStore) -> None:
    """Above the limit the size is told from the store's own word, and nothing is parsed."""
    path = Path(copied.location) / RUNS_INDEX
    with path.open("r+b") as file:
        file.truncate(60_000_000)
    with pytest.raises(DataError, match="60,000,000 bytes"):
        watched_repository(copied)[0].stored_index()


def test_absence_is_remembered_of_what_stands_beside_a_result(runs: LocalStore) -> None:
    """No audit, no failure, and no account of how windows ran: while the store is away, as when it was last asked."""
    repository, watched = watched_repository(runs)
    assert (repository.audit(FINISHED), repository.failure(FINISHED, 0)) == (None, None)
    assert repository.window_runs(FINISHED) == {}
    watched.error = StorageUnavailable("Away.")
    assert (repository.audit(FINISHED), repository.failure(FINISHED, 0)) == (None, None)
    assert repository.window_runs(FINISHED) == {}
    for never_asked in (partial(repository.audit, OTHER), partial(repository.failure, FINISHED, 1)):
        with pytest.raises(StorageUnavailable):
            never_asked()


def test_live_knows_whether_a_result_is_made(runs: LocalStore) -> None:
    """Both runs have all their windows; only one has been finalized, so of the other more is expected."""
    repository, _ = watched_repository(runs)
    assert [repository.live(run).is_settled for run in (FINISHED, RUNNING)] == [True, True]
    assert [repository.live(run).is_over for run in (FINISHED, RUNNING)] == [True, False]


def test_live_is_shared_for_some_seconds(runs: LocalStore) -> None:
    """Many who watch cost one listing; later it is asked for again."""
    clock = Clock()
    repository, watched = watched_repository(runs, clock)
    first = repository.live(RUNNING)
    assert repository.live(RUNNING) is first
    num_listings = sum(read.startswith("list") for read in watched.reads)
    clock.time_ms += 6_000
    assert repository.live(RUNNING) is not first
    assert sum(read.startswith("list") for read in watched.reads) == 2 * num_listings == 2
