"""What did each window learn from, and what was it tested on? Train, purge and test to scale. Pure."""

from typing import Any

import numpy as np
import plotly.graph_objects as go

from dashboard.chart import Chart, Table
from dashboard.figures.house_style import BLUE, GREY, VERMILION, new_figure, ticks_of_windows
from dashboard.figures.run_parts import as_x
from dashboard.reading import Session
from job.arrays import IntArray
from job.intervals import DAY_MS, HOUR_MS, format_utc, interval_ms
from job.records import PlanRecord
from job.report.numbers import count
from job.windows import EMBARGO_BARS

QUESTION = "What did each window learn from, and what was it tested on?"
MAX_HEIGHT, MIN_HEIGHT, ROW_HEIGHT = 760, 240, 13
TRAIN, PURGE, TEST = (GREY, VERMILION, BLUE)


def purge_ms(plan: PlanRecord) -> int:
    """How long before its test a window stops to learn, at most: a label's longest life and the embargo."""
    bars = plan.procedure.label.horizon_bars(plan.procedure.market.interval) + EMBARGO_BARS
    return bars * interval_ms(plan.procedure.market.interval)


def gantt_chart(session: Session) -> Chart:
    """A bar a window; beside it, the same border between training and test magnified, since to scale it is a hair."""
    plan = session.plan.value
    failed = {} if session.result is None else session.result.summary.failed_windows
    gap, windows = purge_ms(plan), plan.windows
    starts, tests, ends = (
        np.array([getattr(span, name) for span in windows], dtype=np.int64)
        for name in ("train_start_ms", "test_start_ms", "test_end_ms")
    )
    index = np.array([span.index for span in windows])
    is_done = np.array([str(span.index) not in failed for span in windows], dtype=bool)
    traces = [
        _spans(index, starts, tests - gap, name="train", colour=TRAIN, pattern=""),
        _spans(index, tests - gap, tests, name="purge", colour=PURGE, pattern="x"),
        _spans(index[is_done], tests[is_done], ends[is_done], name="test", colour=TEST, pattern=""),
    ]
    if not is_done.all():
        missing = ~is_done
        traces.append(
            _spans(index[missing], tests[missing], ends[missing], name="test, missing", colour=TEST, pattern="/")
        )
    figure = _panels(len(windows)).add_traces([*traces, *_border(gap)])
    hours = gap / HOUR_MS
    return Chart(
        question=QUESTION,
        note=(
            f"n = {count(len(windows))} windows to scale. Purge: rows whose labels were not known before the first "
            f"decision of the test are not learned from, at most {hours:g} hours ({_bars(plan)} bars), magnified on "
            "the right. Baseline: a label that lives as long as the horizon."
        ),
        summary=(
            f"{count(len(windows))} windows; between training and test lie up to {hours:g} hours that are not used."
        ),
        figure=figure,
        table=Table(
            head=("window", "train from, UTC", "purged from, UTC", "test from, UTC", "test until, UTC", "state"),
            rows=[
                (
                    span.index,
                    format_utc(span.train_start_ms),
                    format_utc(span.test_start_ms - gap),
                    format_utc(span.test_start_ms),
                    format_utc(span.test_end_ms),
                    failed.get(str(span.index), "planned" if session.result is None else "done"),
                )
                for span in windows
            ],
        ),
    )


def _panels(num_windows: int) -> go.Figure:
    """Two panels side by side: all windows over the days, and one border in hours."""
    height = min(MAX_HEIGHT, max(MIN_HEIGHT, 130 + ROW_HEIGHT * num_windows))
    figure = new_figure(x_title="UTC", y_title="window", height=height)
    return figure.update_layout(
        barmode="overlay",
        bargap=0.25,
        hovermode="closest",
        xaxis={"type": "date", "domain": [0, 0.74]},
        yaxis={"autorange": "reversed", **ticks_of_windows(num_windows)},
        xaxis2={
            "title": {"text": "hours around the border"},
            "zeroline": False,
            "domain": [0.79, 1],
            "anchor": "y2",
        },
        yaxis2={"visible": False, "anchor": "x2"},
    )


def _spans(index: IntArray, start: IntArray, end: IntArray, *, name: str, colour: str, pattern: str) -> dict[str, Any]:
    return {
        "type": "bar",
        "y": index,
        "base": as_x(start),
        "x": as_x(end - start),
        "orientation": "h",
        "name": name,
        "legendgroup": name,
        "marker": {"color": colour, "pattern": {"shape": pattern}, "line": {"width": 0}},
        "hovertemplate": f"window %{{y}}: {name}<extra></extra>",
    }


def _border(gap: int) -> list[dict[str, Any]]:
    """The last hours of training, the purge and the first hours of the test, of any window."""
    hours = gap / HOUR_MS
    return [
        {
            "type": "bar",
            "y": ["border"],
            "base": [start],
            "x": [length],
            "xaxis": "x2",
            "yaxis": "y2",
            "orientation": "h",
            "showlegend": False,
            "marker": {"color": colour, "pattern": {"shape": pattern}, "line": {"width": 0}},
            "hoverinfo": "skip",
        }
        for start, length, colour, pattern in (
            (-3 * hours, 2 * hours, TRAIN, ""),
            (-hours, hours, PURGE, "x"),
            (0, 2 * hours, TEST, ""),
        )
    ]


def _bars(plan: PlanRecord) -> int:
    return purge_ms(plan) // interval_ms(plan.procedure.market.interval)


def days(span_ms: int) -> str:
    """A stretch of time in days."""
    return f"{span_ms / DAY_MS:g} days"
