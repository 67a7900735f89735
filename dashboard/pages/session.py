"""The page of a session: how it did, after costs, against doing nothing."""

from functools import lru_cache

from dash import html
from dash.development.base_component import Component

from dashboard.chart import Table
from dashboard.components.attributes import aria
from dashboard.components.cards import number_cards, verdict_chip
from dashboard.components.prose import prose
from dashboard.components.settled import settled
from dashboard.components.table_grid import plain_table
from dashboard.figures.run_parts import result_of
from dashboard.links import link
from dashboard.page import Page
from dashboard.pages.session_cards import session_cards
from dashboard.pages.session_frame import framed, run_frame
from dashboard.pages.session_provenance import provenance
from dashboard.reading import Stored
from dashboard.repository import Repository
from job.evaluation.verdict import NEXT
from job.records import SummaryRecord
from job.report.headline import verdict_lines, what_days_can_show
from job.report.metric_words import shown_metric, words_of
from job.report.numbers import shown_interval
from job.report.tables import ReportTable, differences_table, in_order, random_signals_sentence

# The sessions that were looked at last: a finished run's page never changes, but for when it was read.
MAX_KEPT = 16
MODEL_METRICS = ("total_return", "sharpe_ratio", "max_drawdown", "n_trades", "exposure", "win_rate", "auc", "log_loss")


def layout(repository: Repository, *, run_id: str, scale: str = "") -> list[Component]:
    """Verdict, numbers, account, and what it is made of."""
    session = repository.session(run_id)
    parts = run_frame(session, "")
    if session.result is None:
        return [*parts, provenance(session)]
    return [*parts, _told(Stored.of(session), scale, link("/"))]


@lru_cache(maxsize=MAX_KEPT)
def _told(stored: Stored, scale: str, _prefix: str) -> Component:
    """All that a finished run has to tell, its links under the proxy's prefix."""
    session = stored.session
    summary = result_of(session).summary
    return settled(
        [
            verdict_part(summary),
            number_cards(session_cards(summary)),
            verdict_details(summary),
            *(framed(name, session, scale=scale if name == "equity" else "") for name in ("equity", "drawdowns")),
            *(framed(name, session) for name in ("months", "rolling")),
            html.H2("What else was run on the same windows, costs and data", className="chart-question"),
            report_table(_models_table(summary)),
            html.P(random_signals_sentence(summary)),
            report_table(differences_table(summary)),
            *(framed(name, session) for name in ("trades", "calibration", "sides", "costs")),
            provenance(session),
        ]
    )


def verdict_part(summary: SummaryRecord) -> Component:
    """The word and its reason: what is read first."""
    return html.Section(
        [
            html.Div(
                [verdict_chip(summary.verdict), html.Span(prose(summary.verdict_reason))],
                className="control verdict-line",
            )
        ],
        **aria(label="Verdict"),
    )


def verdict_details(summary: SummaryRecord) -> Component:
    """What stands beside the verdict, how little so many days can show, and what to mind."""
    lines = [html.P([html.Strong(f"{about}: "), *_with_command(text)]) for about, text in verdict_lines(summary)]
    notes = [html.P([html.Strong("Note: "), *prose(warning)]) for warning in summary.warnings]
    return html.Section(
        [*lines, html.P(what_days_can_show(summary), className="muted"), *notes], **aria(label="Beside the verdict")
    )


def _with_command(text: str) -> list[str | Component]:
    """The text, and the command that it may end in as one."""
    sentences, told, command = text.rpartition(NEXT)
    return [*prose(sentences), told, html.Code(command)] if told else prose(text)


def report_table(table: ReportTable) -> Component:
    """A table as the report has it."""
    return html.Div(
        [
            html.P(table.caption, className="muted"),
            plain_table(Table(head=table.head, rows=table.rows), label=table.caption),
        ],
        className="report-table",
    )


def _models_table(summary: SummaryRecord) -> ReportTable:
    labels = [words_of(name).label for name in MODEL_METRICS]
    rows = []
    for name in in_order(summary.models, traded=summary.traded_model):
        model = summary.models[name]
        cells = [shown_metric(metric, model.measures) for metric in MODEL_METRICS]
        rows.append((name, *cells[:2], shown_interval(model.sharpe_interval), *cells[2:]))
    return ReportTable(
        caption=f"Models and rules over the same {summary.num_days} days; the first is the traded one",
        head=("model or rule", *labels[:2], "95 % interval", *labels[2:]),
        rows=rows,
    )


PAGE = Page(
    path="/run/<run_id>",
    title="Session",
    question="How did it do, after costs, against doing nothing?",
    layout=layout,
    needs=("plots",),
)
