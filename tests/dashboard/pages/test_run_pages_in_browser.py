"""The pages of a run as a person meets them: in a real browser, over a run in a folder."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from dashboard.figures.run_parts import written
from job.artifacts.folder import LocalStore
from job.artifacts.keys import RunKeys
from job.report.metric_words import words_of
from tests.dashboard.pages.test_session import FORMS, stored_value
from tests.support.browsers import WatchedPage, browser
from tests.support.dashboards import served
from tests.support.runs import example_run
from tests.support.sessions import store_session

pytestmark = pytest.mark.browser
RUN = "example"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Nine weeks of tests in a folder."""
    path = tmp_path_factory.mktemp("runs")
    store_session(example_run(9), path, run_id=RUN)
    return path


@pytest.fixture(scope="module")
def address(folder: Path) -> Iterator[str]:
    """The app over the folder, served."""
    with served(LocalStore(folder)) as found:
        yield found


@pytest.fixture(scope="module")
def opened() -> Iterator[Any]:
    """One browser for all."""
    with browser() as found:
        yield found


@pytest.fixture
def watched(opened: Any, address: str) -> Iterator[WatchedPage]:
    """A page, at the end of which nothing may have gone wrong."""
    page = WatchedPage(opened, address)
    yield page
    faults = list(page.faults)
    page.close()
    assert faults == []


@pytest.mark.parametrize("page_name", ["", "/honesty"])
def test_numbers_in_the_browser_are_those_of_summary_json(page_name: str, watched: WatchedPage, folder: Path) -> None:
    """Whatever stands on the page was stored, to the digit that it is written with."""
    page = watched.show(f"/run/{RUN}{page_name}")
    shown = page.eval_on_selector_all("[data-number]", "all => all.map(e => [e.dataset.number, e.textContent])")
    summary = json.loads((folder / RunKeys(RUN).summary).read_text())
    assert len(shown) >= 10
    for path, text in shown:
        form = FORMS.get(path) or words_of(path.rpartition(".")[2]).form
        assert text == written(stored_value(summary, path), form), path


def test_chart_has_a_twin_and_its_choice_stands_in_the_address(watched: WatchedPage) -> None:
    """The table opens; a log axis is kept in the link, and the link opens with it."""
    page = watched.show(f"/run/{RUN}")
    frame = page.locator('[data-chart="equity"]')
    frame.get_by_role("button", name="View as table").click()
    frame.locator(".chart-table").get_by_text("UTC day").first.wait_for(timeout=60_000)
    frame.get_by_text("log", exact=True).click()
    page.wait_for_function("location.search.includes('scale=log')", timeout=60_000)
    page = watched.show(f"/run/{RUN}?scale=log")
    page.wait_for_selector('[data-chart="equity"] .js-plotly-plot .main-svg', state="attached", timeout=60_000)
    assert page.evaluate("document.querySelector('[data-chart=equity] .js-plotly-plot').layout.yaxis.type") == "log"


def test_windows_lead_to_each_window(watched: WatchedPage) -> None:
    """A click on a window's number opens its page, with its bars and every model; so does Enter in its row."""
    page = watched.show(f"/run/{RUN}/windows")
    page.locator('#windows-grid .ag-row[row-id="3"] a').click(timeout=60_000)
    page.get_by_role("heading", name="Every model on this window").wait_for(timeout=60_000)
    page.wait_for_selector('[data-chart="window"] .js-plotly-plot .main-svg', state="attached", timeout=60_000)
    assert page.url.endswith("/windows/3")
    page = watched.show(f"/run/{RUN}/windows")
    page.locator('#windows-grid .ag-row[row-id="5"] .ag-cell[col-id="state"]').focus(timeout=60_000)
    page.keyboard.press("Enter")
    page.get_by_role("heading", name="Window 5").wait_for(timeout=60_000)
