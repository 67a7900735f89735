"""From an address to a page: the one callback that puts pages into the shell, and turns errors into cards."""

from collections.abc import Sequence
from typing import Any

import structlog
from dash import Dash, Input, Output, html
from dash.development.base_component import Component

from dashboard import ids
from dashboard.access import request_id
from dashboard.components.states import failure, state_card
from dashboard.page import Page
from dashboard.repository import Repository
from job.errors import JobError


def page_at(pages: Sequence[Page], path: str) -> Page | None:
    """The page of a path, without the proxy's prefix."""
    return next((page for page in pages if page.arguments(path) is not None), None)


def build_page(pages: Sequence[Page], repository: Repository, path: str, search: str) -> list[Component]:
    """Heading and content of an address; never raises."""
    page = page_at(pages, path)
    if page is None:
        return [_heading("No such page"), state_card("empty", "There is nothing at this address", path[:200])]
    heading = [_heading(page.heading(path)), html.P(page.question, className="question")]
    try:
        return [*heading, *page.build(repository, path, search)]
    except JobError as error:
        return [*heading, failure(error)]
    except Exception:  # noqa: BLE001 - the last line of defence: the visitor gets a card, the log the trace
        structlog.get_logger().exception("page_failed", request_id=request_id(), page=page.path)
        return [
            *heading,
            state_card(
                "error",
                "This is a bug in the dashboard",
                "The log has the details under this request.",
                html.Div(["Request ", html.Code(request_id())]),
                colour="red",
            ),
        ]


def add_router(app: Dash, pages: Sequence[Page], repository: Repository) -> None:
    """Show the page of the address, again whenever it changes or somebody asks to try again."""

    @app.callback(
        Output(ids.PAGE, "children"),
        Input(ids.URL, "pathname"),
        Input(ids.URL, "search"),
        Input(ids.RETRY, "n_clicks", allow_optional=True),
    )
    def _show(pathname: str | None, search: str | None, _retries: Any) -> list[Component]:
        path = (pathname or "/").removeprefix(app.config.requests_pathname_prefix).strip("/")
        return build_page(pages, repository, f"/{path}", search or "")


def _heading(title: str) -> Component:
    return html.H1(title, id=ids.HEADING, tabIndex=-1)
