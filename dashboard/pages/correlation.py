"""Correlation: which metrics repeat each other, and whether the choice on validation foretells the test."""

import dash_mantine_components as dmc
from dash import ALL, ClientsideFunction, Dash, Input, Output, State, html
from dash.development.base_component import Component

from dashboard import ids
from dashboard.chart import Control
from dashboard.components import states
from dashboard.components.attributes import data
from dashboard.components.chart_frame import chart_frame
from dashboard.components.index_frame import index_frame
from dashboard.components.run_choice import run_choice
from dashboard.figures.metric_correlation import (
    CHOSEN,
    TESTED,
    chosen_against_tested,
    metric_correlation,
    metric_label,
    metric_pair,
)
from dashboard.page import Page
from dashboard.repository import Repository
from dashboard.window_points import default_runs, read_points
from job.errors import NoDataError

METHOD = Control(key="method", label="Correlation of", choices=(("spearman", "ranks"), ("pearson", "values")))


def layout(
    repository: Repository, *, runs: str = "", method: str = "spearman", across: str = CHOSEN, up: str = TESTED
) -> list[Component]:
    """Validation against test first; then all pairs; then the one pair that was chosen."""
    reading = repository.index()
    chosen = runs or ",".join(default_runs(repository))
    parts = [*index_frame(reading), run_choice(reading.value, chosen)]
    if not chosen:
        command = f"lorentzian demo --save-path {repository.location}"
        return [*parts, states.empty("No finished run yet", "Windows appear when a run is finalized.", command)]
    try:
        points = read_points(repository, chosen)
    except NoDataError as error:
        return [*parts, states.partial("Nothing to draw", error.message, error.remedy)]
    across, up = (name if name in points.columns else default for name, default in ((across, CHOSEN), (up, TESTED)))
    if points.missing:
        told = [html.Div([html.Code(run_id), f" {reason}"]) for run_id, reason in points.missing.items()]
        parts.append(states.partial("Some chosen runs are not drawn", *told))
    return [
        *parts,
        chart_frame("chosen-against-tested", chosen_against_tested(repository, runs=chosen), runs=chosen),
        chart_frame(
            "metric-correlation",
            metric_correlation(repository, runs=chosen, method=method),
            controls=(METHOD,),
            runs=chosen,
            method=method,
        ),
        html.Div(
            [_metric("across", across, list(points.columns)), _metric("up", up, list(points.columns))],
            className="toolbar",
            **data(menu="pair", shown=f"{across},{up}"),
        ),
        chart_frame(
            "metric-pair", metric_pair(repository, runs=chosen, across=across, up=up), runs=chosen, across=across, up=up
        ),
    ]


def _metric(key: str, value: str, names: list[str]) -> Component:
    return dmc.Select(
        id=f"metric-{key}",
        label={"across": "Across", "up": "Up"}[key],
        data=[{"value": name, "label": metric_label(name)} for name in names],
        value=value,
        searchable=True,
        allowDeselect=False,
        w=240,
    )


def register(app: Dash, _repository: Repository) -> None:
    """Choices are new addresses: a cell of the heatmap, or the two menus."""
    app.clientside_callback(
        ClientsideFunction("lorentzian", "choosePair"),
        Output(ids.URL, "search", allow_duplicate=True),
        Input("metric-across", "value"),
        Input("metric-up", "value"),
        Input({"type": ids.CHART, "chart": "metric-correlation", "arguments": ALL}, "clickData"),
        State(ids.URL, "search"),
        prevent_initial_call=True,
    )


PAGE = Page(
    path="/correlation",
    title="Correlation",
    question="Which metrics repeat each other, and does the validation foretell the test?",
    layout=layout,
    in_navigation=True,
    needs=("plots",),
)
