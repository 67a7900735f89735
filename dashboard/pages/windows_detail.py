"""One window: what it saw, said and did, beside every other model on the same bars, and how it ran."""

from dash import dcc, html
from dash.development.base_component import Component

from dashboard.chart import Table
from dashboard.components import states
from dashboard.components.chart_frame import chart_frame
from dashboard.components.freshness import freshness
from dashboard.components.run_tabs import run_tabs
from dashboard.components.table_grid import plain_table
from dashboard.figures.run_parts import written
from dashboard.figures.window_detail import window_detail_chart
from dashboard.links import run_link
from dashboard.page import Page
from dashboard.repository import Repository
from job.errors import NoDataError
from job.intervals import SECOND_MS, format_utc
from job.records import ExecutionRecord, FailureRecord, PlanRecord, WindowRecord, WindowSpanRecord
from job.report.metric_words import words_of
from job.report.tables import in_order

METRICS = ("total_return", "sharpe_ratio", "max_drawdown", "n_trades", "win_rate", "auc", "log_loss")


def layout(repository: Repository, *, run_id: str, index: str) -> list[Component]:
    """The window, or why there is none."""
    reading = repository.plan(run_id)
    plan = reading.value
    span = planned_window(plan, index)
    parts = [
        run_tabs(run_id, "windows"),
        *freshness(reading.read_at_ms, reading.etag, stale_reason=reading.stale_reason),
        _neighbours(plan, span),
    ]
    failure = repository.failure(run_id, span.index)
    if failure is not None:
        return [*parts, _failed(failure)]
    window = repository.window(run_id, span.index)
    chart = window_detail_chart(window, repository.window_series(run_id, span.index))
    return [
        *parts,
        html.P(
            f"Trained from {format_utc(span.train_start_ms)}, tested from {format_utc(span.test_start_ms)} to "
            f"{format_utc(span.test_end_ms)} UTC.",
            className="muted",
        ),
        chart_frame("window", chart, run_id=run_id, index=str(span.index)),
        html.H2("Every model on this window", className="chart-question"),
        plain_table(models_table(window), label="Every model on this window"),
        html.H2("How it ran", className="chart-question"),
        _execution(repository.executions(run_id, [span.index])),
    ]


def planned_window(plan: PlanRecord, index: str) -> WindowSpanRecord:
    """The window of a number as it stands in an address; `NoDataError` where the plan has none."""
    for span in plan.windows:
        if str(span.index) == index:
            return span
    raise NoDataError(
        f"Run {plan.run_id} has no window {index[:20]!r}.", remedy=f"It has {len(plan.windows)}, counted from 0."
    )


def models_table(window: WindowRecord) -> Table:
    """Validation beside test for each model; the first is the traded one."""
    labels = [f"{span} {words_of(metric).label}" for metric in METRICS for span in ("validation", "test")]
    rows = []
    for name in in_order(window.models, traded=window.traded_model):
        model = window.models[name]
        cells = [
            written(measures.get(metric), words_of(metric).form)
            for metric in METRICS
            for measures in (model.validation, model.test)
        ]
        rows.append((name, *cells))
    return Table(head=("model", *labels), rows=rows)


def _neighbours(plan: PlanRecord, span: WindowSpanRecord) -> Component:
    """The windows before and after."""
    place = plan.windows.index(span)
    around = [
        dcc.Link(f"{word} window {other.index}", href=run_link(plan.run_id, f"windows/{other.index}"))
        for word, other in (
            ("Previous:", plan.windows[place - 1] if place else None),
            ("Next:", next(iter(plan.windows[place + 1 :]), None)),
        )
        if other is not None
    ]
    return html.Div(around, className="control")


def _failed(failure: FailureRecord) -> Component:
    return states.state_card(
        "error",
        f"This window failed for good, exit code {failure.exit_code}",
        failure.message,
        failure.remedy,
        colour="red",
    )


def _execution(found: list[ExecutionRecord]) -> Component:
    if not found:
        return states.undefined("How it ran", "its pod ended between the result and the record of it")
    (execution,) = found
    seconds = (execution.ended_at_ms - execution.started_at_ms) / SECOND_MS
    rows = [
        ("attempt", str(execution.attempt)),
        ("started", f"{format_utc(execution.started_at_ms)} UTC"),
        ("took", f"{seconds:,.1f} s"),
        *((f"of these, {stage}", f"{each:,.1f} s") for stage, each in execution.seconds_by_stage.items()),
        ("host", execution.host),
        ("processor", execution.cpu),
        ("device", execution.device),
        ("ended", "done, exit code 0"),
    ]
    return plain_table(Table(head=("what", "value"), rows=rows), label="How this window ran")


PAGE = Page(
    path="/run/<run_id>/windows/<index>",
    title="Window",
    question="What did it see, say and do?",
    layout=layout,
    needs=("plots",),
)
