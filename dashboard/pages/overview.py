"""The overview: which sessions exist, and which deserve belief? Reads the index of runs and nothing else."""

from functools import lru_cache
from typing import Any

import dash_ag_grid as dag
import dash_mantine_components as dmc
from dash import ClientsideFunction, Dash, Input, Output, State, dcc, html
from dash.development.base_component import Component

from dashboard import ids
from dashboard.components import states
from dashboard.components.help import OWN_WORDS
from dashboard.components.index_frame import index_frame
from dashboard.components.number_columns import TOOLTIPS, number_column
from dashboard.components.run_rows import run_row, widest
from dashboard.links import link
from dashboard.page import Page
from dashboard.reading import RunsIndex
from dashboard.repository import Repository
from job.report.metric_words import words_of


def _number(field: str, name: str, width: int, meaning: str) -> dict[str, Any]:
    """A column that sorts by its number and shows its text; what is undefined sorts last and says why."""
    return number_column(field) | {"headerName": name, "width": width, "headerTooltip": meaning}


SHARPE = words_of("sharpe_ratio").meaning
COLUMNS: tuple[dict[str, Any], ...] = (
    {
        "field": "run",
        "headerName": "Run",
        "cellRenderer": "RunLink",
        "pinned": "left",
        "minWidth": 150,
        "width": 175,
        "filter": "agTextColumnFilter",
    },
    {
        "field": "verdict",
        "headerName": "Verdict",
        "headerTooltip": OWN_WORDS["verdict"].replace("`", ""),
        "cellRenderer": "VerdictMark",
        "width": 140,
        "filter": True,
    },
    _number("net_return", "Net return", 125, f"{words_of('total_return').meaning} Doing nothing makes 0."),
    _number("sharpe", "OOS Sharpe, 95 % interval", 290, f"Out of sample: on the joined tests. {SHARPE}")
    | {"cellRenderer": "IntervalBar", "type": []},
    _number("dsr", "DSR", 140, OWN_WORDS["DSR"]),
    {
        "field": "trials",
        "headerName": "Trials N",
        "headerTooltip": OWN_WORDS["trials, N"],
        "width": 105,
        "type": "numericColumn",
    },
    _number("drawdown", "Max drawdown", 145, words_of("max_drawdown").meaning),
    _number("validation", "Validation Sharpe", 165, "In the median window: what its settings were chosen on."),
    _number("decay", "Decay", 110, OWN_WORDS["decay"]),
    _number("turnover", "Turnover", 115, words_of("turnover").meaning),
    _number("break_even", "Break-even cost", 155, OWN_WORDS["break-even cost"]),
    {"field": "days", "headerName": "Days", "headerTooltip": "Days tested.", "width": 85, "type": "numericColumn"},
    {"field": "symbol", "headerName": "Symbol", "width": 115, "filter": "agTextColumnFilter"},
    {"field": "interval", "headerName": "Interval", "width": 100},
    {"field": "windows", "headerName": "Windows", "width": 190},
    {"field": "planned", "headerName": "Planned (UTC)", "width": 155, "sort": "desc"},
)
# Of a grid: its head, borders and scroll bar; then its rows.
FRAME_HEIGHT, ROW_HEIGHT, MAX_HEIGHT = 70, 38, 640
ROW_BUFFER = 2  # rows that stand ready above and below those on the screen


def layout(repository: Repository, *, filter: str = "") -> list[Component]:
    """Every run in one grid, newest first; what could not be read as cards above it."""
    reading = repository.index()
    index = reading.value
    parts = index_frame(reading)
    if index.num_listed is not None and index.runs:
        parts.append(_listed(index.num_listed))
    if not index.runs:
        return parts if index.faults else [*parts, _nothing(repository.location)]
    return [*parts, _counts(index), _toolbar(filter), _grid(index, filter)]


@lru_cache(maxsize=1)
def _counts(index: RunsIndex) -> Component:
    runs = index.runs.values()
    words = [(sum(run.verdict == word for run in runs), word) for word in ("evidence", "weak", "no evidence")] + [
        (sum(run.state == "running" for run in runs), "running")
    ]
    told = ", ".join(f"{number} {word}" for number, word in words if number)
    number = "1 run" if len(runs) == 1 else f"{len(runs):,} runs"
    return html.P([html.Strong(number), f": {told}." if told else "."])


def _toolbar(text: str) -> Component:
    return html.Div(
        [
            dmc.TextInput(
                id=ids.RUNS_FILTER, label="Find", placeholder="run, symbol, verdict", value=text, debounce=200, w=260
            ),
            dcc.Link("Compare the chosen runs", id=ids.COMPARE_BUTTON, href=link("/compare"), className="button-link"),
            html.Span("Space chooses a row, Enter opens it; two to eight can be compared.", className="muted"),
        ],
        className="toolbar",
    )


@lru_cache(maxsize=1)
def _rows(index: RunsIndex, _prefix: str) -> tuple[list[dict[str, Any]], float]:
    """The rows of an index, links under the proxy's prefix, and their scale; made once while the index is the same."""
    entries = sorted(index.runs.values(), key=lambda run: (run.created_at_ms, run.run_id), reverse=True)
    return [run_row(run) for run in entries], widest(entries)


def _grid(index: RunsIndex, text: str) -> Component:
    rows, scale = _rows(index, link("/"))
    own = {"sharpe": {"cellRendererParams": {"scale": scale}}}
    return html.Div(
        dag.AgGrid(
            id=ids.RUNS_GRID,
            columnDefs=[column | own.get(column["field"], {}) for column in COLUMNS],
            rowData=rows,
            defaultColDef={"sortable": True, "resizable": True},
            dashGridOptions={
                "rowSelection": {"mode": "multiRow", "enableClickSelection": False},
                "selectionColumnDef": {"pinned": "left", "width": 50},
                "quickFilterText": text,
                "rowHeight": ROW_HEIGHT,
                "ensureDomOrder": True,
                "rowBuffer": ROW_BUFFER,
                **TOOLTIPS,
            },
            getRowId="params.data.run",
            style={"height": f"{min(MAX_HEIGHT, FRAME_HEIGHT + ROW_HEIGHT * len(rows))}px", "width": "100%"},
        ),
        className="grid-frame",
    )


def _listed(number: int) -> Component:
    return states.partial(
        "There is no index that can be used",
        f"The runs were found by a listing of {number:,} objects: their results stand on their own pages. "
        "Once a damaged index is out of the way, `lorentzian finalize --all` writes a new one.",
    )


def _nothing(location: str) -> Component:
    return states.empty("No run yet", f"Nothing is stored under {location}.", f"lorentzian demo --save-path {location}")


def register(app: Dash, _repository: Repository) -> None:
    """Filter and choice happen in the browser."""
    app.clientside_callback(
        ClientsideFunction("lorentzian", "filterRuns"),
        Output(ids.RUNS_GRID, "dashGridOptions"),
        Input(ids.RUNS_FILTER, "value"),
        State(ids.RUNS_GRID, "dashGridOptions"),
        prevent_initial_call=True,
    )
    app.clientside_callback(
        ClientsideFunction("lorentzian", "compareLink"),
        Output(ids.COMPARE_BUTTON, "href"),
        Input(ids.RUNS_GRID, "selectedRows"),
        State(ids.COMPARE_BUTTON, "href"),
        prevent_initial_call=True,
    )


PAGE = Page(
    path="/",
    title="Runs",
    question="Which runs exist, and which of them deserve belief?",
    layout=layout,
    in_navigation=True,
    needs=("grid",),
)
