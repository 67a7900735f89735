"""Live: is the job healthy? Read from what its windows write, heartbeats included; no cluster is asked."""

from collections import Counter

import dash_mantine_components as dmc
from dash import Dash, Input, Output, State, dcc, html
from dash.development.base_component import Component
from dash.exceptions import PreventUpdate

from dashboard import ids
from dashboard.chart import Table
from dashboard.components import states as cards
from dashboard.components.attributes import aria
from dashboard.components.freshness import freshness
from dashboard.components.run_tabs import run_tabs
from dashboard.components.table_grid import plain_table
from dashboard.links import run_link
from dashboard.page import Page
from dashboard.reading import Live
from dashboard.repository import Repository
from job.errors import JobError
from job.records import ExecutionRecord
from job.report.window_progress import (
    LETTERS,
    NUM_TIMED,
    WindowCell,
    failures_by_code,
    legend,
    progress_rows,
    window_cell,
)
from job.run.state import describe

EVERY_MS = 10_000


def layout(repository: Repository, *, run_id: str) -> list[Component]:
    """The grid of windows and the numbers beside it, anew every ten seconds until nothing more is expected."""
    live = repository.live(run_id)
    return [
        run_tabs(run_id, "live"),
        html.Div(live_content(live, _executions(repository, live)), id=ids.LIVE_CONTENT),
        dcc.Interval(id=ids.LIVE_INTERVAL, interval=EVERY_MS, disabled=live.is_over),
        dcc.Store(id="live-run", data=run_id),
    ]


def live_content(live: Live, executions: list[ExecutionRecord]) -> list[Component]:
    """What changes while a run goes on."""
    states = live.states
    cells = [window_cell(state, now_ms=live.read_at_ms) for state in states]
    return [
        *freshness(live.read_at_ms, ""),
        *_head(live),
        _grid(cells),
        html.P(legend(cells), className="muted"),
        plain_table(
            Table(head=("what", "now"), rows=list(progress_rows(states, executions, now_ms=live.read_at_ms))),
            label="Progress in numbers",
        ),
        *_failures(live),
        *_details(cells),
    ]


def refreshed(repository: Repository, run_id: str) -> tuple[list[Component], bool]:
    """The content anew, and whether to stop asking; a store that is away is told, and asked again."""
    try:
        live = repository.live(run_id)
    except JobError as error:
        return [cards.failure(error)], False
    return live_content(live, _executions(repository, live)), live.is_over


def register(app: Dash, repository: Repository) -> None:
    """Ask again every ten seconds."""

    @app.callback(
        Output(ids.LIVE_CONTENT, "children"),
        Output(ids.LIVE_INTERVAL, "disabled"),
        Input(ids.LIVE_INTERVAL, "n_intervals"),
        State("live-run", "data"),
        prevent_initial_call=True,
    )
    def _refresh(num_intervals: int | None, run_id: str | None) -> tuple[list[Component], bool]:
        if not num_intervals or not run_id:
            raise PreventUpdate
        return refreshed(repository, run_id)


def _executions(repository: Repository, live: Live) -> list[ExecutionRecord]:
    done = [state.index for state in live.states if state.state == "done"]
    return repository.executions(live.plan.run_id, done[-NUM_TIMED:])


def _head(live: Live) -> list[Component]:
    states = live.states
    counts = Counter(state.state for state in states)
    share = 100 * counts["done"] / len(states) if states else 0.0
    bar = dmc.Progress(value=share, size="lg", mb="sm", **aria(label=f"{share:.0f} % of the windows are done"))
    if not states:
        return [cards.undefined("Progress", "the plan has no window")]
    if live.plan.kind == "training":
        return [html.P(f"A basic training: {states[0].state}.")]
    words = html.P([html.Strong(describe(states)), "."])
    if live.is_over:
        link = dcc.Link("See what it found", href=run_link(live.plan.run_id))
        return [words, bar, html.P(["Nothing more is expected. ", link, "."])]
    return [words, bar, *([_result_is_due(live.plan.run_id)] if live.is_settled else [])]


def _result_is_due(run_id: str) -> Component:
    return cards.partial(
        "The windows are settled, and the result is not made yet",
        "Whoever ends the last window makes it. Should nobody be at it:",
        html.Pre(html.Code(f"lorentzian finalize --run-id {run_id}")),
    )


def _grid(cells: list[WindowCell]) -> Component:
    return html.Ul(
        [
            html.Li(
                [
                    html.Span(LETTERS[cell.name], **aria(hidden="true")),
                    html.Small(cell.index, **aria(hidden="true")),
                    html.Span(cell.text, className="visually-hidden"),
                ],
                className=f"cell cell-{cell.name}",
                title=cell.text,
            )
            for cell in cells
        ],
        className="window-grid",
        **aria(label="Windows"),
    )


def _failures(live: Live) -> list[Component]:
    rows = failures_by_code(live.states)
    if not rows:
        return []
    table = Table(head=("exit code", "windows", "which", "what and what to do"), rows=list(rows))
    return [html.H2("Failures by exit code"), plain_table(table, label="Failures by exit code")]


def _details(cells: list[WindowCell]) -> list[Component]:
    told = [(str(cell.index), cell.name, cell.detail) for cell in cells if cell.detail]
    if not told:
        return []
    table = Table(head=("window", "state", "detail"), rows=list(told[:500]))
    return [html.H2("Windows that need a word"), plain_table(table, label="Windows that need a word")]


PAGE = Page(path="/run/<run_id>/live", title="Live", question="Is the job healthy, and when is it done?", layout=layout)
