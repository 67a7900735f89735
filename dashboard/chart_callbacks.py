"""What every chart can do, by its name and arguments: be redrawn, be read as a table, be taken away as CSV."""

from collections.abc import Mapping
from typing import Any

from dash import ALL, MATCH, ClientsideFunction, Dash, Input, Output, State, ctx
from dash.development.base_component import Component
from dash.exceptions import PreventUpdate
from flask import Flask, Response, request

from dashboard import ids
from dashboard.chart import Builder, Chart
from dashboard.components.states import failure
from dashboard.components.table_grid import table_component
from dashboard.figures.sampling import parse_span
from dashboard.page import query_of
from dashboard.repository import Repository
from job.errors import JobError, NoDataError, UsageError


class ChartBook:
    """The charts that there are, built on demand.

    Parameters
    ----------
    builders : by name.
    """

    def __init__(self, repository: Repository, builders: Mapping[str, Builder]) -> None:
        self._repository = repository
        self._builders = builders

    def build(self, name: str, arguments: Mapping[str, str]) -> Chart:
        """One chart; `JobError` where it cannot be drawn, `UsageError` among them where the address is wrong."""
        builder = self._builders.get(name)
        if builder is None:
            raise NoDataError(f"There is no chart {name[:50]!r}.", remedy="Follow a link of a page.")
        code = builder.__code__
        known = code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]
        try:
            return builder(self._repository, **{key: value for key, value in arguments.items() if key in known})
        except (TypeError, ValueError) as error:
            raise UsageError(f"The chart {name!r} cannot be drawn from these arguments.") from error


def redrawn(book: ChartBook, name: str, query: str, controls: Mapping[str, str], relayout: Any) -> dict[str, Any]:
    """The figure with other choices, and with more points where somebody zooms in."""
    return book.build(name, query_of(query) | dict(controls)).seen(parse_span(_span(relayout)))


def table_twin(book: ChartBook, name: str, query: str, num_clicks: int | None) -> tuple[Component | None, str]:
    """The table and the button's new words; every second click takes it away again."""
    if not num_clicks or num_clicks % 2 == 0:
        return None, "View as table"
    try:
        chart = book.build(name, query_of(query))
    except JobError as error:
        return failure(error), "Hide"
    return table_component(chart.table, label=chart.question), "Hide the table"


def add_chart_callbacks(app: Dash, book: ChartBook) -> None:
    """Register what all charts share, once."""
    chart = {"type": ids.CHART, "chart": MATCH, "arguments": MATCH}

    @app.callback(
        Output(chart, "figure"),
        Input(chart, "relayoutData"),
        Input({"type": ids.CHART_CONTROL, "chart": MATCH, "arguments": MATCH, "key": ALL}, "value"),
        State({"type": ids.CHART_CONTROL, "chart": MATCH, "arguments": MATCH, "key": ALL}, "id"),
        State(chart, "id"),
        prevent_initial_call=True,
    )
    def _redraw(
        relayout: Any, values: list[str], controls: list[dict[str, str]], own: dict[str, str]
    ) -> dict[str, Any]:
        if _is_zoom_trigger() and not _changes_span(relayout):
            raise PreventUpdate
        choices = {control["key"]: value for control, value in zip(controls, values, strict=True) if value}
        return redrawn(book, own["chart"], own["arguments"], choices, relayout)

    @app.callback(
        Output({"type": ids.CHART_TABLE, "chart": MATCH, "arguments": MATCH}, "children"),
        Output({"type": ids.CHART_TABLE_BUTTON, "chart": MATCH, "arguments": MATCH}, "children"),
        Input({"type": ids.CHART_TABLE_BUTTON, "chart": MATCH, "arguments": MATCH}, "n_clicks"),
        State({"type": ids.CHART_TABLE_BUTTON, "chart": MATCH, "arguments": MATCH}, "id"),
        prevent_initial_call=True,
    )
    def _table(num_clicks: int | None, own: dict[str, str]) -> tuple[Component | None, str]:
        return table_twin(book, own["chart"], own["arguments"], num_clicks)

    app.clientside_callback(
        ClientsideFunction("lorentzian", "savePng"),
        Output({"type": ids.CHART_PNG, "chart": MATCH, "arguments": MATCH}, "n_clicks"),
        Input({"type": ids.CHART_PNG, "chart": MATCH, "arguments": MATCH}, "n_clicks"),
        State({"type": ids.CHART_PNG, "chart": MATCH, "arguments": MATCH}, "id"),
        prevent_initial_call=True,
    )
    app.clientside_callback(
        ClientsideFunction("lorentzian", "keepInAddress"),
        Output(ids.TICK, "title"),
        Input({"type": ids.CHART_CONTROL, "chart": ALL, "arguments": ALL, "key": ALL}, "value"),
        State({"type": ids.CHART_CONTROL, "chart": ALL, "arguments": ALL, "key": ALL}, "id"),
        prevent_initial_call=True,
    )


def add_csv(server: Flask, book: ChartBook, *, prefix: str) -> None:
    """Serve every chart's table as a file."""

    @server.get(f"{prefix}csv/<name>.csv")
    def _csv(name: str) -> Response:
        chart = book.build(name, query_of(request.query_string.decode(errors="replace")))
        headers = {"Content-Disposition": f'attachment; filename="{name}.csv"'}
        return Response(chart.table.csv(), headers=headers, content_type="text/csv; charset=utf-8")


def _is_zoom_trigger() -> bool:
    return ctx.triggered_id is not None and ctx.triggered_id.get("type") == ids.CHART


def _changes_span(relayout: Any) -> bool:
    return isinstance(relayout, dict) and (_span(relayout) != "" or bool(relayout.get("xaxis.autorange")))


def _span(relayout: Any) -> str:
    """``start,end`` of what is looked at; empty for all of it."""
    if not isinstance(relayout, dict) or "xaxis.range[0]" not in relayout:
        return ""
    return f"{relayout['xaxis.range[0]']},{relayout.get('xaxis.range[1]')}"
