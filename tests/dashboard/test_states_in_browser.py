"""Each state that a page can be in, once in a real browser: told in words, and without a finding of axe."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from job.artifacts.folder import LocalStore
from job.artifacts.keys import RunKeys
from job.errors import StorageForbidden, StorageUnavailable
from tests.support.browsers import WatchedPage, browser, until
from tests.support.dashboards import FINISHED, OTHER, RUNNING, WatchedStore, served
from tests.support.runs import flat_run
from tests.support.stored_runs import store_run

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def opened() -> Iterator[Any]:
    """One browser."""
    with browser() as each:
        yield each


def check_state(watched: WatchedPage, path: str, kind: str, words: str) -> None:
    """The state's card stands on the page with its words; axe finds nothing, and nothing else went wrong."""
    page = watched.show(path)
    assert words in page.locator(f".state-{kind}").first.inner_text()
    assert watched.findings() == []
    assert watched.faults == []


def test_loading_is_a_page_without_a_finding(opened: Any, runs: LocalStore) -> None:
    """Before the answer comes: the shell and grey bars, which say nothing to whoever listens."""
    with served(runs) as address:
        watched = WatchedPage(opened, address)
        watched.page.route("**/_dash-update-component*", lambda route: None)
        watched.page.goto(f"{address}/")
        until(watched.page, "!!document.querySelector('.state-loading')")
        assert watched.findings() == []
        watched.close()


def test_empty_store_names_the_command(opened: Any, tmp_path: Path) -> None:
    """Nothing there is no error."""
    with served(LocalStore(tmp_path)) as address:
        watched = WatchedPage(opened, address)
        check_state(watched, "/", "empty", "lorentzian demo")
        check_state(watched, "/release", "empty", "lorentzian predict")
        watched.close()


def test_partial_result_counts_what_is_missing(opened: Any, runs: LocalStore) -> None:
    """Of a run that is not finished."""
    with served(runs) as address:
        watched = WatchedPage(opened, address)
        check_state(watched, f"/run/{RUNNING}", "partial", "Not finished")
        watched.close()


def test_store_that_is_away_leaves_what_was_read(opened: Any, runs: LocalStore) -> None:
    """Shown as it was, and said so; a page that was never read says what failed, with the id of its request."""
    store = WatchedStore(store=runs)
    with served(store) as address:  # type: ignore[arg-type]
        watched = WatchedPage(opened, address)
        watched.show("/")
        store.error = StorageUnavailable("The store did not answer for 30 s.", remedy="Try again.")
        check_state(watched, "/", "stale", "did not answer")
        check_state(watched, f"/run/{OTHER}", "error", "Request")
        watched.close()


def test_forbidden_names_what_is_missing(opened: Any, runs: LocalStore) -> None:
    """Another state than away: somebody has to permit it."""
    store = WatchedStore(store=runs, error=StorageForbidden("s3:GetObject is not permitted.", remedy="Permit it."))
    with served(store) as address:  # type: ignore[arg-type]
        watched = WatchedPage(opened, address)
        check_state(watched, f"/run/{FINISHED}", "forbidden", "s3:GetObject")
        watched.close()


def test_undefined_and_damaged_parts_say_why(opened: Any, tmp_path: Path) -> None:
    """A run that never traded, with curves that somebody has spoilt: a card with the key, and the rest stands."""
    store = store_run(flat_run(), tmp_path, run_id="flat")
    (tmp_path / RunKeys("flat").curves).write_bytes(b"spoilt")
    with served(store) as address:
        watched = WatchedPage(opened, address)
        check_state(watched, "/run/flat", "error", "curves.npz")
        assert "has no curves that can be used" in watched.page.locator(".state-undefined").first.inner_text()
        assert "undefined: no trades" in watched.page.locator("main").inner_text()
        watched.close()
