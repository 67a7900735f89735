"""The tabs of a run's pages."""

from dash import dcc, html
from dash.development.base_component import Component

from dashboard.components.attributes import aria
from dashboard.links import run_link

TABS = (("", "Session"), ("windows", "Windows"), ("honesty", "Honesty"), ("live", "Live"))


def run_tabs(run_id: str, current: str) -> Component:
    """Links to the four pages of a run, the present one marked.

    Parameters
    ----------
    current : "", "windows", "honesty" or "live".
    """
    return html.Nav(
        [_tab(label, run_link(run_id, page), is_current=page == current) for page, label in TABS],
        className="tabs",
        **aria(label=f"Pages of run {run_id}"),
    )


def _tab(label: str, href: str, *, is_current: bool) -> Component:
    return html.Span(
        dcc.Link(label, href=href, className="tab current" if is_current else "tab"),
        **(aria(current="page") if is_current else {}),
    )
