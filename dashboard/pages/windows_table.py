"""The windows as a grid: every planned one, done or not, each with a link to its own page."""

from collections.abc import Mapping
from typing import Any

import dash_ag_grid as dag
from dash import html
from dash.development.base_component import Component

from dashboard.components.attributes import aria
from dashboard.components.number_columns import TOOLTIPS, number_column
from dashboard.figures.run_parts import written
from dashboard.links import run_link
from dashboard.reading import Session
from job.intervals import SECOND_MS, format_utc_day
from job.records import WindowRecord, WindowRunRecord, WindowSpanRecord
from job.report.metric_words import words_of
from job.report.numbers import DASH, count
from job.report.window_progress import duration

METRICS = ("sharpe_ratio", "total_return", "n_trades", "log_loss")
ROW_HEIGHT, MAX_HEIGHT = 34, 560


def windows_grid(session: Session, windows: tuple[WindowRecord, ...], runs: Mapping[str, WindowRunRecord]) -> Component:
    """A row a planned window; Enter or a click on its number opens it."""
    rows = window_rows(session, windows, runs)
    return html.Div(
        dag.AgGrid(
            id="windows-grid",
            columnDefs=columns(),
            rowData=rows,
            defaultColDef={"sortable": True, "resizable": True},
            dashGridOptions={"rowHeight": ROW_HEIGHT, "ensureDomOrder": True, **TOOLTIPS},
            getRowId="params.data.run",
            style={"height": f"{min(MAX_HEIGHT, 70 + ROW_HEIGHT * len(rows))}px", "width": "100%"},
        ),
        className="grid-frame",
        role="region",
        **aria(label="Windows of the run"),
    )


def columns() -> list[dict[str, Any]]:
    """Numbers sort by their value and show their text."""
    numbers = [
        _number(f"{span}_{metric}", f"{span} {words_of(metric).label}")
        for metric in METRICS
        for span in ("validation", "test")
    ]
    return [
        {"field": "run", "headerName": "Window", "cellRenderer": "RunLink", "pinned": "left", "width": 100},
        {"field": "state", "headerName": "State", "width": 120, "filter": True},
        {"field": "test_from", "headerName": "Test from, UTC", "width": 140},
        *numbers,
        {"field": "traded_at", "headerName": "Sold up to, bought from", "width": 200},
        {"field": "epochs", "headerName": "Epochs", "width": 100, "type": "numericColumn"},
        _number("rows", "Training rows"),
        _number("effective", "Worth so many independent rows"),
        _number("attempts", "Attempts") | {"width": 110},
        _number("took", "Took") | {"width": 110},
        _number("exit_code", "Exit code") | {"width": 120},
    ]


def window_rows(
    session: Session, windows: tuple[WindowRecord, ...], runs: Mapping[str, WindowRunRecord]
) -> list[dict[str, Any]]:
    """What the grid shows; for a number ``name`` there is its text under ``name_text``.

    Parameters
    ----------
    windows : those that finished.
    runs : how they ran, by index; empty where nobody noted it.
    """
    done = {window.span.index: window for window in windows}
    failed = {} if session.result is None else session.result.summary.failed_windows
    return [
        _head(session, span)
        | (_done(done[span.index]) if span.index in done else _missing(failed.get(str(span.index))))
        | _ran(runs.get(str(span.index)))
        for span in session.plan.value.windows
    ]


def _head(session: Session, span: WindowSpanRecord) -> dict[str, Any]:
    return {
        "run": str(span.index),
        "href": run_link(session.run_id, f"windows/{span.index}"),
        "test_from": format_utc_day(span.test_start_ms),
    }


def _done(window: WindowRecord) -> dict[str, Any]:
    model = window.models[window.traded_model]
    at = model.thresholds
    row: dict[str, Any] = {
        "state": "done",
        "traded_at": "flat: nothing beat it" if at.buy is None or at.sell is None else f"{at.sell:g} and {at.buy:g}",
        "epochs": window.best_epoch,
        "rows": window.num_train_rows,
        "rows_text": count(window.num_train_rows),
        "effective": window.effective_train_rows,
        "effective_text": count(window.effective_train_rows),
    }
    for metric in METRICS:
        for span, measures in (("validation", model.validation), ("test", model.test)):
            measure = measures.get(metric)
            row[f"{span}_{metric}"] = None if measure is None else measure.value
            row[f"{span}_{metric}_text"] = written(measure, words_of(metric).form)
    return row


def _missing(reason: str | None) -> dict[str, Any]:
    texts = {f"{span}_{metric}_text": DASH for metric in METRICS for span in ("validation", "test")}
    return {
        "state": "not finished" if reason is None else f"failed: {reason}",
        "rows_text": DASH,
        "effective_text": DASH,
    } | texts


def _ran(run: WindowRunRecord | None) -> dict[str, Any]:
    """How it was run, which no result depends on."""
    attempts, seconds, code = (None, None, None) if run is None else (run.num_attempts, run.seconds, run.exit_code)
    return {
        "attempts": attempts,
        "attempts_text": DASH if attempts is None else count(attempts),
        "took": seconds,
        "took_text": DASH if seconds is None else duration(seconds * SECOND_MS),
        "exit_code": code,
        "exit_code_text": DASH if code is None else str(code),
    }


def _number(field: str, name: str) -> dict[str, Any]:
    return number_column(field) | {"headerName": name, "headerTooltip": name, "width": 195}
