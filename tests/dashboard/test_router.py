"""Addresses become pages, and whatever goes wrong becomes a card."""

import json
import shutil
from pathlib import Path

import pytest

from dashboard import ids
from dashboard.navigation import PAGES
from dashboard.page import Page, query_of
from dashboard.repository import Repository
from dashboard.router import build_page, page_at
from job.artifacts.folder import LocalStore
from job.artifacts.keys import RunKeys
from job.errors import DataError, JobError, NoDataError, StorageForbidden, StorageUnavailable
from tests.support.components import components_of
from tests.support.dashboards import FINISHED, OTHER, RUNNING, Clock, classes_in, text_of, watched_repository

EVERY_ADDRESS = [
    ("/", ""),
    ("/about", ""),
    ("/compare", ""),
    ("/compare", f"?runs={FINISHED},{OTHER}"),
    ("/compare", f"?runs={FINISHED},{OTHER}&equal=1&scale=log"),
    ("/correlation", ""),
    ("/correlation", f"?runs={FINISHED},{OTHER}&method=pearson&across=test_auc&up=test_win_rate"),
    *((f"/run/{run}{page}", "") for run in (FINISHED, RUNNING) for page in ("", "/windows", "/honesty", "/live")),
]


@pytest.mark.parametrize(("path", "search"), EVERY_ADDRESS)
def test_page_is_built(runs: LocalStore, path: str, search: str) -> None:
    """Every page of a finished and of a running run has its heading, and none is a bug."""
    repository, _ = watched_repository(runs)
    page = page_at(PAGES, path)
    assert page is not None, path
    built = build_page(PAGES, repository, path, search)
    assert text_of(built[0]) == page.heading(path)
    assert "bug" not in text_of(built)


@pytest.mark.parametrize(
    ("error", "state"),
    [
        (StorageForbidden("May not read.", remedy="Grant s3:GetObject."), "state-forbidden"),
        (StorageUnavailable("No answer.", remedy="Check the network."), "state-error"),
    ],
)
@pytest.mark.parametrize("path", ["/", f"/run/{FINISHED}/live", "/compare", "/correlation"])
def test_store_that_refuses_is_a_card(runs: LocalStore, path: str, error: JobError, state: str) -> None:
    """The card names what failed and what to do, under the page's own heading."""
    repository, watched = watched_repository(runs)
    watched.error = error
    built = build_page(PAGES, repository, path, f"?runs={FINISHED}")
    assert state in classes_in(built)
    assert error.message in text_of(built)
    assert error.remedy in text_of(built)


@pytest.mark.parametrize(
    ("path", "search"),
    [
        *((path, search) for path, search in EVERY_ADDRESS if FINISHED in path or search.startswith("?runs")),
        ("/", ""),
        (f"/run/{FINISHED}/windows/1", ""),
        ("/release/binance-perp/SOLUSDT/15m", ""),
    ],
)
def test_page_that_was_read_stands_while_the_store_is_away(runs: LocalStore, path: str, search: str) -> None:
    """As it was, with a card that says so; only what is live, or was never looked at, has nothing to show."""
    clock = Clock()
    repository, watched = watched_repository(runs, clock)
    assert "state-error" not in classes_in(build_page(PAGES, repository, path, search))
    watched.error = StorageUnavailable("No answer.", remedy="Check the network.")
    clock.time_ms += 6_000  # what is live is shared for less
    found = classes_in(build_page(PAGES, repository, path, search))
    expected = "state-error" if path.endswith("/live") else "state-stale"
    assert {expected} == found & {"state-error", "state-stale"}


@pytest.mark.parametrize(
    ("path", "search", "words"),
    [
        ("/compare", f"?runs={FINISHED},{RUNNING}", "it has no finished result"),
        ("/compare", "?runs=nobody,..", "no run nobody"),
        ("/correlation", f"?runs={RUNNING}", "not finalized"),
        ("/correlation", "?runs=..", "cannot name a run"),
    ],
)
def test_choice_that_shows_nothing_can_be_changed(runs: LocalStore, path: str, search: str, words: str) -> None:
    """The card says why, and the menu of runs stays above it."""
    built = build_page(PAGES, watched_repository(runs)[0], path, search)
    assert "state-partial" in classes_in(built)
    assert words in text_of(built)
    assert any(getattr(each, "id", "") == ids.RUN_CHOICE for each in components_of(built))


@pytest.mark.parametrize("path", [f"/run/{FINISHED}{page}" for page in ("", "/windows", "/honesty", "/live")])
def test_plan_without_windows_is_no_bug(runs: LocalStore, tmp_path: Path, path: str) -> None:
    """Anybody may have written it: whatever needs a window says that there is none, and the rest stands."""
    shutil.copytree(runs.location, tmp_path / "copy")
    key = RunKeys(FINISHED).plan
    plan = json.loads((tmp_path / "copy" / key).read_text()) | {"windows": []}
    (tmp_path / "copy" / key).write_text(json.dumps(plan))
    repository, _ = watched_repository(LocalStore(tmp_path / "copy"))
    assert "bug" not in text_of(build_page(PAGES, repository, path, ""))
    compared = text_of(build_page(PAGES, repository, "/compare", f"?runs={FINISHED},{OTHER}"))
    assert "bug" not in compared
    assert "test windows (none and 4 of 7 days" in compared


@pytest.mark.parametrize(
    ("raised", "state", "words"),
    [
        (NoDataError("There is none."), "state-empty", "There is none."),
        (DataError("It is torn."), "state-error", "It is torn."),
        (ZeroDivisionError("secret detail"), "state-error", "bug in the dashboard"),
    ],
)
def test_error_of_a_page_is_a_card(runs: LocalStore, raised: Exception, state: str, words: str) -> None:
    """Ours are told; a bug is told without its text, which is in the log."""

    def layout(_repository: Repository) -> list[object]:
        raise raised

    page = Page(path="/x", title="X", question="?", layout=layout)  # type: ignore[arg-type]
    built = build_page([page], watched_repository(runs)[0], "/x", "")
    assert state in classes_in(built)
    assert words in text_of(built)
    assert "secret detail" not in text_of(built)


def test_unknown_address_is_told(runs: LocalStore) -> None:
    """No page, no crash, and nothing of the address becomes markup."""
    built = build_page(PAGES, watched_repository(runs)[0], "/<script>", "")
    assert text_of(built[0]) == "No such page"


def test_addresses_carry_path_and_query() -> None:
    """Variables are unquoted; arguments that a page does not name are dropped, path variables win."""
    seen: dict[str, str] = {}

    def layout(_repository: object, *, run_id: str, scale: str = "linear") -> list[object]:
        seen.update(run_id=run_id, scale=scale)
        return []

    page = Page(path="/run/<run_id>/x", title="X", question="?", layout=layout)  # type: ignore[arg-type]
    page.build(None, "/run/a%20b/x", "?scale=log&run_id=other&evil=1")  # type: ignore[arg-type]
    assert seen == {"run_id": "a b", "scale": "log"}
    assert page.arguments("/run/a/b/x") is None
    assert page.arguments("/run/a/x/") == {"run_id": "a"}


def test_heading_names_what_an_address_is_about() -> None:
    """The run, the window of it, or the market: two tabs of one page are told apart."""
    found = {path: page_at(PAGES, path) for path in ("/run/a/windows/3", "/release/binance-perp/SOLUSDT/15m")}
    headings = [page.heading(path) for path, page in found.items() if page is not None]
    assert headings == ["Window 3: a", "Since release: SOLUSDT 15m (binance-perp)"]


def test_query_takes_no_novel() -> None:
    """Values that are far too long are dropped."""
    assert query_of("?a=1&b=" + "x" * 3_000) == {"a": "1"}
