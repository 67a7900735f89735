"""What is around every page: skip link, header with navigation and theme switch, and the help drawer."""

from collections.abc import Sequence

import dash_mantine_components as dmc
from dash import dcc, html
from dash.development.base_component import Component

from dashboard import ids
from dashboard.components.attributes import aria
from dashboard.components.help import help_content
from dashboard.components.states import loading
from dashboard.links import link
from dashboard.page import Page

INDEX = """<!DOCTYPE html>
<html lang="en">
<head>
<meta name="robots" content="noindex">
{%metas%}
<title>{%title%}</title>
{%favicon%}
{%css%}
</head>
<body>
{%app_entry%}
<noscript>This page needs JavaScript.</noscript>
<footer>{%config%}{%scripts%}{%renderer%}</footer>
</body>
</html>
"""
THEME = {
    "primaryColor": "blue",
    "fontFamily": "system-ui, sans-serif",
    "headings": {"fontFamily": "system-ui, sans-serif"},
    "defaultRadius": "sm",
}


def shell(pages: Sequence[Page]) -> Component:
    """The frame that pages are put into. It holds no data, so it is the same for everybody."""
    return dmc.MantineProvider(
        [
            dcc.Location(id=ids.URL, refresh="callback-nav"),
            html.A("Skip to the content", href=f"#{ids.PAGE}", className="skip-link"),
            html.Header(
                [
                    dcc.Link("Lorentzian", href=link("/"), className="brand"),
                    html.Nav(
                        [
                            dcc.Link(page.title, href=link(page.path), className="nav-link")
                            for page in pages
                            if page.in_navigation
                        ],
                        **aria(label="Pages"),
                    ),
                    html.Div(
                        [
                            dmc.Button("Copy link", id=ids.COPY_LINK, variant="subtle", size="xs"),
                            dmc.Button("Help", id=ids.HELP_BUTTON, variant="subtle", size="xs"),
                            dmc.ColorSchemeToggle(
                                lightIcon="☀",
                                darkIcon="☾",
                                variant="subtle",
                                size="lg",
                                **aria(label="Light or dark"),
                            ),
                        ],
                        className="tools",
                    ),
                ],
                className="header",
            ),
            html.Main(html.Div(loading(), id=ids.PAGE, tabIndex=-1), className="main"),
            html.Div(id=ids.ANNOUNCER, className="visually-hidden", **aria(live="polite")),
            dmc.Drawer(help_content(), id=ids.HELP, title="What the numbers mean", position="right", size="lg"),
            html.Div(id=ids.TICK, hidden=True),
        ],
        theme=THEME,
        defaultColorScheme="auto",
    )
