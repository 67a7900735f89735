"""The frame of a chart: question, note, choices, the figure, and its twin as table, CSV and PNG."""

from typing import Any
from urllib.parse import urlencode

import dash_mantine_components as dmc
from dash import dcc, html
from dash.development.base_component import Component

from dashboard import ids
from dashboard.chart import Chart, Control
from dashboard.components.attributes import aria, data
from dashboard.links import link

# No mode bar: its buttons would lie inside what is announced as one picture. Dragging zooms, a double click resets.
CONFIG: Any = {"displayModeBar": False, "responsive": True, "doubleClick": "reset"}

# What a telephone cannot show whole: it is scrolled there, by finger or by arrow keys.
WIDE = ("gantt", "losses", "metric-correlation", "months", "sides")


def chart_frame(name: str, chart: Chart, *, controls: tuple[Control, ...] = (), **arguments: str) -> Component:
    """A chart with all that belongs to it.

    Parameters
    ----------
    name : in `dashboard.figures.catalogue`; table, CSV and redrawing follow from it.
    arguments : what the builder was called with, besides the repository; none of it empty text.
    """
    query = urlencode(sorted((key, value) for key, value in arguments.items() if value))
    heading = f"heading-{name}"
    focus: dict[str, Any] = {"tabIndex": 0} if name in WIDE else {}
    return dmc.Paper(
        [
            html.H2(chart.question, id=heading, className="chart-question"),
            html.P(chart.note, className="muted chart-note"),
            dmc.Group([_control(name, query, control, arguments) for control in controls], mb="xs"),
            html.Div(
                dcc.Graph(id=ids.of_chart(ids.CHART, name, query), figure=chart.plain, config=CONFIG),
                role="img",
                className="chart wide" if name in WIDE else "chart",
                style={"minHeight": chart.figure.layout.height},  # before it is drawn, so that nothing jumps
                **focus,
                **aria(label=chart.summary),
            ),
            dmc.Group(
                [
                    dmc.Button(
                        "View as table",
                        id=ids.of_chart(ids.CHART_TABLE_BUTTON, name, query),
                        variant="default",
                        size="xs",
                    ),
                    html.A("CSV", href=link(f"/csv/{name}.csv", **arguments), download="", className="button-link"),
                    dmc.Button("PNG", id=ids.of_chart(ids.CHART_PNG, name, query), variant="default", size="xs"),
                ],
                gap="xs",
            ),
            html.Div(id=ids.of_chart(ids.CHART_TABLE, name, query), className="chart-table"),
        ],
        withBorder=True,
        p="md",
        mb="md",
        className="chart-frame",
        **data(chart=name),
    )


def _control(name: str, query: str, control: Control, arguments: dict[str, str]) -> Component:
    return html.Div(
        [
            html.Span(control.label, className="muted", **aria(hidden="true")),
            dmc.SegmentedControl(
                id=ids.of_control(name, query, control.key),
                data=[{"value": value, "label": label} for value, label in control.choices],
                value=arguments.get(control.key) or control.choices[0][0],
                size="xs",
                **aria(label=control.label),
            ),
        ],
        className="control",
    )
