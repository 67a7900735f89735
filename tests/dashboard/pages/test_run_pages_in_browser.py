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
from tests.support.browsers import WatchedPage, browser, until
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


ALL_DRAWN = """[...document.querySelectorAll('[data-chart] .dash-graph')].length > 6 && [...document.querySelectorAll(
  '[data-chart] .dash-graph')].every(each => each.querySelector('.js-plotly-plot .main-svg'))"""
WIDTH = "document.querySelector('[data-chart=equity] .js-plotly-plot')._fullLayout.width"


def test_charts_are_all_drawn_without_being_asked_for(watched: WatchedPage) -> None:
    """Also those that nobody has scrolled to, with the page's one call; and again where the window gets narrower."""
    calls: list[str] = []
    watched.page.on("request", lambda request: calls.append(request.url) if request.method == "POST" else None)
    page = watched.show(f"/run/{RUN}")
    until(page, ALL_DRAWN)
    page.wait_for_timeout(500)  # what Dash would say of plots that are new
    assert len(calls) == 1
    wide = page.evaluate(WIDTH)
    page.set_viewport_size({"width": 800, "height": 900})
    until(page, f"{WIDTH} < {wide} - 100")


def test_zoom_asks_once_and_draws_what_comes(watched: WatchedPage) -> None:
    """One call and two drawings: the frame that was drawn, then its points; a double click leads back to all."""
    page = watched.show(f"/run/{RUN}")
    until(page, ALL_DRAWN)
    page.wait_for_timeout(500)
    calls: list[str] = []
    page.on("request", lambda request: calls.append(request.url) if request.method == "POST" else None)
    page.evaluate(
        """() => {
          const plot = document.querySelector('[data-chart=equity] .js-plotly-plot'), first = plot.data[0];
          const days = plot.layout.xaxis.range.map(day => new Date(day + 'Z').getTime());
          window.drawings = 0;
          plot.on('plotly_afterplot', () => { window.drawings += 1; window.isNew = plot.data[0] !== first; });
          const [from, to] = [0.4, 0.5].map(part => new Date(days[0] + part * (days[1] - days[0])).toISOString());
          window.Plotly.relayout(plot, {'xaxis.range[0]': from.slice(0, 19), 'xaxis.range[1]': to.slice(0, 19)});
        }"""
    )
    until(page, "window.isNew === true")
    assert (len(calls), page.evaluate("window.drawings")) == (1, 2)


def test_page_asks_its_components_once_and_not_each_about_each(watched: WatchedPage) -> None:
    """Far fewer changes of the state than there are components, of which each would be asked after every change."""
    page = watched.show(f"/run/{RUN}/live")
    page.evaluate("() => { window.changes = 0; window.dash_stores[0].subscribe(() => { window.changes += 1; }); }")
    page.get_by_role("link", name="Session", exact=True).click()
    until(page, ALL_DRAWN)
    assert page.evaluate("document.querySelectorAll('main td, main th').length") > 150
    assert 0 < page.evaluate("window.changes") < 100
