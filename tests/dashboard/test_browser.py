"""Every page as a person meets it: in a real browser, in both themes, by keyboard, and without a stranger's server."""

from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest

from dashboard.readonly import check_readonly
from job.artifacts.folder import LocalStore
from job.artifacts.s3 import S3Store, make_client
from tests.support.browsers import WatchedPage, browser, until
from tests.support.dashboards import FINISHED, OTHER, RUNNING, served
from tests.support.fixtures_s3 import BUCKET, s3_server
from tests.support.seaweedfs import READER, SeaweedServer

__all__ = ["s3_server"]
pytestmark = pytest.mark.browser

PAGES = [
    "/",
    f"/run/{FINISHED}",
    f"/run/{FINISHED}/windows",
    f"/run/{FINISHED}/windows/1",
    f"/run/{FINISHED}/honesty",
    f"/run/{FINISHED}/live",
    f"/run/{RUNNING}",
    f"/run/{RUNNING}/live",
    f"/compare?runs={FINISHED},{OTHER}",
    f"/correlation?runs={FINISHED},{OTHER}",
    "/compare",
    "/release",
    "/release/binance-perp/SOLUSDT/15m",
    "/about",
    "/nowhere",
    "/run/nobody",
]


# Cards hide what is wider than they are, so nothing in them may be.
CUT_OFF = """[...document.querySelectorAll('.state')].filter(card => [...card.querySelectorAll('*')].some(
  each => each.getBoundingClientRect().right > card.getBoundingClientRect().right + 1)
).map(card => card.textContent)"""


@pytest.fixture(scope="module")
def opened() -> Iterator[Any]:
    """One browser."""
    with browser() as each:
        yield each


@pytest.fixture(scope="module")
def address(runs: LocalStore) -> Iterator[str]:
    """The app over the runs, served."""
    with served(runs) as found:
        yield found


@pytest.fixture
def visit(opened: Any, address: str) -> Iterator[Any]:
    """Open watched pages, closed afterwards."""
    pages: list[WatchedPage] = []

    def open_page(**how: Any) -> WatchedPage:
        pages.append(WatchedPage(opened, address, **how))
        return pages[-1]

    yield open_page
    for each in pages:
        each.close()


def tab_to(page: Any, text: str, *, key: str = "Tab") -> None:
    """Press a key until the element with this text has the focus."""
    for _ in range(60):
        page.keyboard.press(key)
        if page.evaluate("document.activeElement ? document.activeElement.textContent.trim() : ''") == text:
            return
    raise AssertionError(f"{key} never reaches {text!r}")


def use(environment: dict[str, str], patch: pytest.MonkeyPatch) -> None:
    """Have the AWS variables of an identity."""
    for name, value in environment.items():
        patch.setenv(name, value)


def numbers_on(page: Any) -> list[list[str]]:
    """The cards' numbers, and the texts of the grid's cells, once a page with a grid has drawn them."""
    until(page, "!document.querySelector('.grid-frame') || !!document.querySelector('.ag-cell')")
    found: list[list[str]] = page.eval_on_selector_all(
        "[data-number], .ag-cell", "all => all.map(e => [e.dataset.number || e.getAttribute('col-id'), e.textContent])"
    )
    return found


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("path", PAGES)
def test_page_is_sound(visit: Any, path: str, theme: str) -> None:
    """One heading, no finding of axe, no word on the console, no request elsewhere, and nothing wider than a phone."""
    watched = visit(theme=theme, width=360)
    page = watched.show(path)
    assert page.locator("h1").count() == 1
    assert watched.findings() == []
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    assert page.evaluate(CUT_OFF) == []
    assert watched.faults == []


def test_overview_loads_no_plotly(visit: Any) -> None:
    """The grid page is spared the largest file."""
    watched = visit()
    asked: list[str] = []
    watched.page.on("request", lambda request: asked.append(request.url))
    watched.show("/")
    assert not [url for url in asked if "plotly" in url]
    watched.show(f"/compare?runs={FINISHED},{OTHER}")
    watched.page.wait_for_selector(".js-plotly-plot .js-line", state="attached", timeout=60_000)
    assert len([url for url in asked if "package_data/plotly" in url]) == 1


def test_grid_is_fetched_on_the_way_to_the_runs(visit: Any) -> None:
    """A page of charts does without its code; whoever goes on to the runs gets a grid to filter and to choose from."""
    watched = visit()
    asked: list[str] = []
    watched.page.on("request", lambda request: asked.append(request.url))
    page = watched.show(f"/run/{FINISHED}")
    assert not [url for url in asked if "dash_ag_grid" in url]
    page.get_by_role("link", name="Runs", exact=True).click()
    page.locator("[row-id] .ag-checkbox-input").first.wait_for(timeout=60_000)
    page.get_by_label("Find").fill(FINISHED)
    until(page, "document.querySelectorAll('.ag-center-cols-container .ag-row').length === 1")
    page.locator("[row-id] .ag-checkbox-input").first.click()
    page.locator(f"#compare-button[href$='{FINISHED}']").wait_for(timeout=60_000)
    assert watched.faults == []


def test_keyboard_goes_from_grid_to_run_and_tabs(visit: Any) -> None:
    """Into the grid, Space chooses, Enter opens, the focus lands on the new heading, and Tab leads on to the tabs."""
    watched = visit()
    page = watched.show("/")
    page.locator(f'.ag-row[row-id="{FINISHED}"] .ag-cell[col-id="run"]').first.focus()
    page.keyboard.press("Space")
    until(page, f"document.getElementById('compare-button').href.includes('{FINISHED}')")
    page.keyboard.press("Enter")
    until(page, f"document.title.includes('{FINISHED}')")
    until(page, "document.activeElement && document.activeElement.id === 'heading'")
    assert f"/run/{FINISHED}" in page.url
    for name in ("Windows", "Honesty", "Live"):
        tab_to(page, name)
        page.keyboard.press("Enter")
        until(page, f"document.title.startsWith('{name}')")
        until(page, "document.activeElement && document.activeElement.id === 'heading'")


def test_keyboard_goes_from_grid_to_compare(visit: Any) -> None:
    """Two rows chosen with Space, the link reached with Shift and Tab, and Enter: both runs side by side."""
    watched = visit()
    page = watched.show("/")
    for run in (FINISHED, OTHER):
        page.locator(f'.ag-row[row-id="{run}"] .ag-cell[col-id="run"]').first.focus()
        page.keyboard.press("Space")
        until(page, f"document.getElementById('compare-button').href.includes('{run}')")
    tab_to(page, "Compare the chosen runs", key="Shift+Tab")
    page.keyboard.press("Enter")
    page.get_by_role("heading", name="Is it better, window by window?").wait_for(timeout=60_000)
    assert page.locator("table", has_text="verdict").locator("th", has_text=OTHER).count() == 1
    assert watched.faults == []


def test_pages_are_the_same_from_a_bucket_that_may_only_be_read(
    visit: Any, opened: Any, runs: LocalStore, s3_server: SeaweedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Over a real S3 server, with keys that cannot write: the same numbers as over a folder, and no error's card."""
    prefix = uuid4().hex
    use(s3_server.environment(), monkeypatch)
    writer = S3Store(make_client(), bucket=BUCKET, prefix=prefix)
    for info in runs.list(""):
        stored = runs.get(info.key)
        assert stored is not None
        writer.put(info.key, stored.data)
    use(s3_server.environment(READER), monkeypatch)
    reader = S3Store(make_client(), bucket=BUCKET, prefix=prefix)
    check_readonly(reader)
    with served(reader) as over_bucket:  # type: ignore[arg-type]
        watched = WatchedPage(opened, over_bucket)
        for path in ("/", f"/run/{FINISHED}", f"/run/{FINISHED}/windows", f"/run/{FINISHED}/honesty"):
            assert numbers_on(watched.show(path)) == numbers_on(visit().show(path)), path
            assert watched.page.locator(".state-error, .state-forbidden").count() == 0
        assert len(numbers_on(watched.page)) >= 10
        assert watched.faults == []
        watched.close()


def test_filter_stands_in_the_address(visit: Any) -> None:
    """What is typed narrows the rows, and a copied address shows the same."""
    watched = visit()
    page = watched.show("/")
    page.locator("#runs-filter").fill("other")
    until(page, "location.search.includes('filter=other')")
    until(page, "document.querySelectorAll('.ag-center-cols-container .ag-row').length === 1")
    page = watched.show("/?filter=other")
    until(page, "document.querySelectorAll('.ag-center-cols-container .ag-row').length === 1")


def test_chart_has_a_twin_and_keeps_its_choice(visit: Any) -> None:
    """The table appears under its chart and goes again; another scale is redrawn and stands in the address."""
    watched = visit()
    page = watched.show(f"/compare?runs={FINISHED},{OTHER}")
    frame = page.locator('[data-chart="compared-equity"]')
    frame.get_by_role("button", name="View as table").click()
    frame.locator(".chart-table table, .chart-table .ag-root").first.wait_for(timeout=60_000)
    frame.get_by_role("button", name="Hide the table").click()
    frame.get_by_role("button", name="View as table").wait_for(timeout=60_000)
    frame.get_by_text("log", exact=True).click()
    until(page, "location.search.includes('scale=log')")
    assert watched.faults == []


def test_theme_switch_is_kept_by_the_page(visit: Any) -> None:
    """The button turns light into dark at once, without asking the server."""
    watched = visit(theme="light")
    page = watched.show("/about")
    page.get_by_role("button", name="Light or dark").click()
    until(page, "document.documentElement.getAttribute('data-mantine-color-scheme') === 'dark'")
