"""Compare: whether one run is really better than another, on the days and windows that both share."""

from collections.abc import Callable, Mapping

from dash import dcc, html
from dash.development.base_component import Component

from dashboard.chart import Table
from dashboard.components import states
from dashboard.components.chart_frame import chart_frame
from dashboard.components.index_frame import index_frame
from dashboard.components.run_choice import run_choice
from dashboard.components.table_grid import plain_table
from dashboard.figures.compared_runs import (
    SCALE,
    compared_equity_chart,
    compared_sharpes_chart,
    window_differences_chart,
)
from dashboard.links import link
from dashboard.page import Page
from dashboard.reading import Session
from dashboard.repository import Repository
from dashboard.run_comparison import MIN_RUNS, ComparedRuns, read_compared, result_and_curves, settings_table
from dashboard.window_points import chosen_runs
from job.errors import UsageError
from job.records import SummaryRecord
from job.report.metric_words import shown_metric, words_of
from job.report.numbers import bps, count, probability, shown, shown_interval

METRICS = (
    "total_return",
    "max_drawdown",
    "sharpe_ratio",
    "sortino_ratio",
    "win_rate",
    "n_trades",
    "exposure",
    "turnover",
    "log_loss",
    "auc",
)


_TOLD: Mapping[str, Callable[[SummaryRecord], str]] = {
    "Sharpe, 95 % interval": lambda s: shown_interval(s.models[s.traded_model].sharpe_interval),
    "DSR": lambda s: shown(s.dsr, probability),
    "trials, N": lambda s: count(s.num_trials),
    "break-even cost": lambda s: shown(s.break_even_bps, bps),
    "days": lambda s: count(s.num_days),
}


def layout(repository: Repository, *, runs: str = "", equal: str = "", scale: str = "linear") -> list[Component]:
    """The choice; what forbids a pairing; differences; settings."""
    reading = repository.index()
    parts = [*index_frame(reading), run_choice(reading.value, runs)]
    if len(chosen_runs(runs)) < MIN_RUNS:
        return [
            *parts,
            states.empty(
                "Choose two to eight runs",
                "The others are held against the first.",
                f"lorentzian compare RUN RUN --save-path {repository.location}",
            ),
        ]
    try:
        compared = read_compared(repository, runs)
    except UsageError as error:
        return [*parts, states.partial("Not enough to compare", error.message, error.remedy)]
    return [
        *parts,
        *([] if reading.stale_reason else _stale(compared)),
        *_obstacles(compared),
        *_paired(compared, runs, scale),
        chart_frame("compared-sharpes", compared_sharpes_chart(compared), runs=runs),
        html.H2("What did each come to?"),
        plain_table(_metrics(compared.sessions), label="Results side by side"),
        *_settings(compared, runs, with_equal=equal == "1"),
    ]


def _stale(compared: ComparedRuns) -> list[Component]:
    """A card where a run could not be read again, although the index could."""
    reason = next((session.stale_reason for session in compared.sessions if session.stale_reason), "")
    return [states.stale(reason)] if reason else []


def _obstacles(compared: ComparedRuns) -> list[Component]:
    cards = []
    if compared.missing:
        told = [html.Div([html.Code(run_id), f" {reason}"]) for run_id, reason in compared.missing.items()]
        cards.append(states.partial("Some chosen runs are not here", *told))
    for run_id, phrases in compared.obstacles.items():
        cards.append(
            states.partial(
                f"{run_id} cannot be paired with {compared.first.run_id}",
                f"They differ in {'; '.join(phrases)}. A difference would not be about the procedure.",
                "Its own numbers stand below; the paired charts leave it out.",
            )
        )
    return cards


def _paired(compared: ComparedRuns, runs: str, scale: str) -> list[Component]:
    """What is drawn of pairs; where there is none, the cards above have said why."""
    if not compared.paired:
        return []
    return [
        chart_frame("window-differences", window_differences_chart(compared), runs=runs),
        chart_frame(
            "compared-equity", compared_equity_chart(compared, scale=scale), controls=(SCALE,), runs=runs, scale=scale
        ),
    ]


def _metrics(sessions: tuple[Session, ...]) -> Table:
    summaries = [result_and_curves(session)[0].summary for session in sessions]
    measures = [summary.models[summary.traded_model].measures for summary in summaries]
    rows = [("verdict", *(summary.verdict for summary in summaries))]
    rows += [(words_of(name).label, *(shown_metric(name, each) for each in measures)) for name in METRICS]
    rows += [(label, *map(tell, summaries)) for label, tell in _TOLD.items()]
    return Table(head=("metric", *(session.run_id for session in sessions)), rows=rows)


def _settings(compared: ComparedRuns, runs: str, *, with_equal: bool) -> list[Component]:
    rows = settings_table(compared.sessions, with_equal=with_equal)
    other = link("/compare", runs=runs, equal="" if with_equal else "1")
    head = ("setting", *(session.run_id for session in compared.sessions))
    table = plain_table(Table(head=head, rows=rows), label="Settings") if rows else html.P("No setting differs.")
    return [
        html.H2("What do their settings differ in?"),
        html.P(dcc.Link("Hide those that are equal" if with_equal else "Show those that are equal too", href=other)),
        table,
    ]


PAGE = Page(
    path="/compare",
    title="Compare",
    question="Is one really better than the other?",
    layout=layout,
    in_navigation=True,
    needs=("plots",),
)
