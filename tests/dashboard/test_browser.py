"""Every page as a person meets it: in a real browser, in both themes, by keyboard, and without a stranger's server."""

from collections.abc import Iterator
from typing import Any

import pytest

from job.artifacts.folder import LocalStore
from tests.support.browsers import WatchedPage, browser, until
from tests.support.dashboards import FINISHED, OTHER, RUNNING, served

pytestmark = pytest.mark.browser

PAGES = [
    "/",
    f"/run/{FINISHED}",
    f"/run/{FINISHED}/windows",
    f"/run/{FINISHED}/honesty",
    f"/run/{FINISHED}/live",
    f"/run/{RUNNING}",
    f"/run/{RUNNING}/live",
    f"/compare?runs={FINISHED},{OTHER}",
    f"/correlation?runs={FINISHED},{OTHER}",
    "/release",
    "/release/binance-perp/SOLUSDT/15m",
    "/about",
    "/nowhere",
    "/run/nobody",
]


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


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("path", PAGES)
def test_page_is_sound(visit: Any, path: str, theme: str) -> None:
    """One heading, no finding of axe, no word on the console, no request elsewhere, and nothing wider than a phone."""
    watched = visit(theme=theme, width=360)
    page = watched.show(path)
    assert page.locator("h1").count() == 1
    assert watched.findings() == []
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
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
    assert [url for url in asked if "plotly.min" in url or "package_data/plotly" in url]


def test_keyboard_goes_from_grid_to_run(visit: Any) -> None:
    """Into the grid, Space chooses, Enter opens, and the focus lands on the new heading."""
    watched = visit()
    page = watched.show("/")
    page.locator(f'.ag-row[row-id="{FINISHED}"] .ag-cell[col-id="run"]').first.focus()
    page.keyboard.press("Space")
    until(page, f"document.getElementById('compare-button').href.includes('{FINISHED}')")
    page.keyboard.press("Enter")
    until(page, f"document.title.includes('{FINISHED}')")
    until(page, "document.activeElement && document.activeElement.id === 'heading'")
    assert f"/run/{FINISHED}" in page.url


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
