"""What a run asks of its store, counted: it must not grow where nobody waits for it to grow."""

import shutil
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from job.artifacts.folder import LocalStore
from job.artifacts.keys import RunKeys
from job.artifacts.metered import MeteredStore, StoreUse
from job.errors import DataError
from job.execution.finalize import finalize
from job.execution.finished_windows import FinishedWindows
from job.execution.window_attempt import attempt_window
from job.run.attempt import now_ms
from job.run.run import Run
from job.run.state import window_states
from tests.support.small_run import copied, open_small_run, run_all, small_settings


@pytest.fixture(scope="module")
def whole(small_market: str, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A run whose windows are all done, not finalized."""
    run = open_small_run(small_settings(tmp_path_factory.mktemp("requests")), small_market)
    run_all(run)
    return run


def watched(run: Run) -> tuple[Run, StoreUse]:
    """The same run, and what is asked of its store and ledger."""
    use = StoreUse()
    return replace(run, store=MeteredStore(run.store, use=use), ledger=MeteredStore(run.ledger, use=use)), use


def with_neighbours(run: Run, num_windows: int) -> Run:
    """The run with a longer plan: all windows are done but the one at 1, as copies of that at 0."""
    keys, first, folder = run.keys, run.plan.windows[0], Path(run.store.location)
    spans = tuple(first.model_copy(update={"index": index}) for index in range(num_windows))
    shutil.rmtree(folder / keys.window(1))
    for index in range(2, num_windows):
        shutil.copytree(folder / keys.window(0), folder / keys.window(index), dirs_exist_ok=True)
    return replace(run, plan=run.plan.model_copy(update={"windows": spans}))


@pytest.mark.parametrize("num_windows", [21, 210])
def test_try_to_finalize_asks_the_same_however_many_windows_there_are(
    whole: Run, tmp_path: Path, num_windows: int
) -> None:
    """A pod that is not the last finds that out with one listing, and reads nothing of those that are done."""
    run, use = watched(with_neighbours(copied(whole, tmp_path), num_windows))
    assert finalize(run).summary is None
    assert use.num_requests == Counter({"list": 1})


def test_finalizer_reads_one_object_a_window(whole: Run, tmp_path: Path) -> None:
    """It, and nothing else of the windows' own; of what it holds, the measures of other models are not kept."""
    run, use = watched(copied(whole, tmp_path))
    states = window_states(run.store, run.plan, now_ms=now_ms())
    use.num_requests.clear()
    windows = FinishedWindows(run)
    found = windows.read(states)
    assert [window.record.span.index for window in found.values()] == [0, 1, 2]
    assert {name for window in found.values() for name in window.record.models} == {run.traded_model}
    assert use.num_requests == Counter({"get": 3})
    assert len({key for window in found.values() for key in window.readings}) == 3
    windows.read(states)
    assert use.num_requests == Counter({"get": 3})


def damage(store: LocalStore, keys: RunKeys) -> Iterator[None]:
    """Ways in which the copy of a window may be missing or wrong, one after the other."""
    whole = store.get(keys.finished_window(1))
    other = store.get(keys.finished_window(2))
    assert whole is not None and other is not None
    for data in (b"no zip", other.data, whole.data[: len(whole.data) // 2]):
        store.put(keys.finished_window(1), data)
        yield
    store.delete(keys.finished_window(1))
    yield


def test_copy_that_is_not_whole_is_not_believed(whole: Run, tmp_path: Path) -> None:
    """The objects themselves are read, to the same numbers; another window's copy is found out too."""
    run = copied(whole, tmp_path)
    expected = FinishedWindows(whole).read(window_states(whole.store, whole.plan, now_ms=now_ms()))[1]
    store = LocalStore(tmp_path)
    for _ in damage(store, run.keys):
        found = FinishedWindows(run).read(window_states(store, run.plan, now_ms=now_ms()))[1]
        assert (found.manifest, found.record, found.execution) == (
            expected.manifest,
            expected.record,
            expected.execution,
        )
        assert np.array_equal(found.series.up, expected.series.up, equal_nan=True)


def test_copy_older_than_what_it_holds_is_not_believed(whole: Run, tmp_path: Path) -> None:
    """Somebody has written over the window since: that is found, not hidden by the copy."""
    run = copied(whole, tmp_path)
    run.store.put(run.keys.series(1), b"another's")
    with pytest.raises(DataError, match="is not what the manifest of window 1 says"):
        FinishedWindows(run).read(window_states(run.store, run.plan, now_ms=now_ms()))


def test_window_asks_the_same_of_any_run(whole: Run, tmp_path: Path) -> None:
    """Its requests do not depend on how many windows its run has, done or not."""
    counts = []
    for number, num_windows in enumerate((3, 30)):
        run, use = watched(with_neighbours(copied(whole, tmp_path / str(number)), num_windows))
        attempt_window(run, 1, max_attempts=3)
        counts.append(use.num_requests)
    assert counts[0] == counts[1]
