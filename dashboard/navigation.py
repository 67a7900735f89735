"""All pages, in the order of the navigation. A path with a variable comes after those without."""

from dash import Dash

from dashboard.page import Page
from dashboard.pages import (
    about,
    compare,
    correlation,
    honesty,
    live,
    overview,
    release,
    releases,
    session,
    windows,
    windows_detail,
)
from dashboard.repository import Repository

PAGES: tuple[Page, ...] = (
    overview.PAGE,
    compare.PAGE,
    correlation.PAGE,
    releases.PAGE,
    about.PAGE,
    session.PAGE,
    windows.PAGE,
    windows_detail.PAGE,
    honesty.PAGE,
    live.PAGE,
    release.PAGE,
)
_WITH_CALLBACKS = (overview, correlation, live)


def register_callbacks(app: Dash, repository: Repository) -> None:
    """Register what single pages need beyond the charts' own callbacks."""
    for page in _WITH_CALLBACKS:
        page.register(app, repository)
