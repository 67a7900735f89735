"""Did it earn more than doing nothing, after costs? The joined tests, what needs no skill, and the falls. Pure."""

from collections.abc import Mapping
from functools import partial
from typing import Any

import numpy as np
import plotly.graph_objects as go

from dashboard.chart import Chart, Control, Line, Span, Table
from dashboard.figures.house_style import BAND, BLUE, GREY, MAX_POINTS, VERMILION, WIDE_LABELS, new_figure
from dashboard.figures.run_parts import as_x, broken_at, curves_of, missing_windows, result_of
from dashboard.figures.sampling import rows_to_draw
from dashboard.reading import Session
from job.arrays import FloatArray
from job.artifacts.curves import RunCurves
from job.intervals import DAY_MS, format_utc_day
from job.records import LONG, WindowSpanRecord
from job.report.numbers import bps, count, percent

QUESTION = "Did it earn more than doing nothing, after costs?"
SCALE = Control(key="scale", label="Account axis", choices=(("linear", "linear"), ("log", "log")))
HEIGHT = 520
MAX_FALL_POINTS = 500  # the lower panel is half as high
MAX_RULES = 120  # more borders than that are a grey wall


def equity_chart(session: Session, *, scale: str = "linear") -> Chart:
    """The account, holding, trades at random and window borders; below, how far each is under its high."""
    curves, summary = curves_of(session), result_of(session).summary
    traded, missing = summary.traded_model, missing_windows(session)
    band, names = _band(curves), (LONG, traded)
    accounts = [
        look | {"x": x, "y": y}
        for look, (x, y) in zip(_looks(names), _lines(curves, names, missing, None), strict=True)
    ]
    figure = _panels(is_log=scale == "log", shapes=_borders(session))
    figure.add_traces([*band, *accounts, *_missing(missing, curves)])
    own, held = (curves.equity[name] for name in (traded, LONG))
    return Chart(
        question=QUESTION,
        note=(
            f"{summary.symbol} {summary.interval}, {summary.headline}; n = {count(summary.num_days)} days, net of "
            f"{bps(summary.assumed_cost_bps)} a side; a rule opens each window. Baselines: {LONG}; dotted, 1 is "
            "always flat; "
            f"grey, 5 to 95 % of {count(summary.random_signals.num_draws)} accounts with the same trades at random "
            "times."
        ),
        summary=(
            f"Out-of-sample account of {traded} ends at {own[-1]:.3f} of its start, deepest fall "
            f"{percent(fall_of(own).min())}; {LONG} ends at {held[-1]:.3f}."
        ),
        figure=figure,
        table=_table(curves, traded),
        zoom=partial(_closer, curves, names, missing, len(band)),
    )


def _panels(*, is_log: bool, shapes: list[dict[str, Any]]) -> go.Figure:
    title = {"text": "account, start = 1"}
    return new_figure(
        x_title="",
        y_title="",
        height=HEIGHT,
        margin=WIDE_LABELS,
        xaxis={"type": "date", "anchor": "y2", "title": {"text": "UTC"}},
        yaxis={"domain": [0.34, 1.0], "type": "log" if is_log else "linear", "title": title},
        yaxis2={"domain": [0.0, 0.29], "title": {"text": "below its high"}, "tickformat": ".0%"},
        shapes=shapes,
    )


def _band(curves: RunCurves) -> list[dict[str, Any]]:
    """Two invisible edges with grey between them; nothing where no trade was drawn."""
    if not len(curves.day_ms) or np.isnan(curves.random_equity).any():
        return []
    ends = as_x(curves.day_ms + DAY_MS)
    low, _, high = curves.random_equity.astype(np.float32)
    edge = {"type": "scatter", "x": ends, "mode": "lines", "line": {"width": 0}, "hoverinfo": "skip"}
    return [
        edge | {"y": low, "showlegend": False},
        edge | {"y": high, "fill": "tonexty", "fillcolor": BAND, "name": "random times, 5 to 95 %"},
    ]


def _looks(names: tuple[str, ...]) -> list[dict[str, Any]]:
    """How the lines of `_lines` are drawn."""
    looks: list[dict[str, Any]] = []
    for name, colour in zip(names, (VERMILION, BLUE), strict=True):
        line = {
            "type": "scatter",
            "mode": "lines",
            "line": {"color": colour, "width": 1.6},
            "name": name,
            "legendgroup": name,
        }
        looks.append(line | {"hovertemplate": "%{y:.3f}"})
        looks.append(line | {"hovertemplate": "%{y:.1%}", "yaxis": "y2", "showlegend": False})
    return looks


def _lines(
    curves: RunCurves, names: tuple[str, ...], missing: tuple[WindowSpanRecord, ...], seen: Span | None
) -> list[Line]:
    """Of each account its line in the upper panel, then its falls in the lower."""
    lines = []
    for name in names:
        account = curves.equity[name]
        for values, max_points in ((account, MAX_POINTS), (fall_of(account), MAX_FALL_POINTS)):
            rows = rows_to_draw(curves.time_ms, values, span_ms=seen, max_points=max_points)
            x, y = broken_at(curves.time_ms[rows], values[rows], missing)
            lines.append((x, y.astype(np.float32)))
    return lines


def _closer(
    curves: RunCurves, names: tuple[str, ...], missing: tuple[WindowSpanRecord, ...], first: int, seen: Span
) -> Mapping[int, Line]:
    """The accounts over a stretch; ``first`` is the place of the first of them."""
    return dict(enumerate(_lines(curves, names, missing, seen), start=first))


def _borders(session: Session) -> list[dict[str, Any]]:
    """A rule where a window opens, and the level at which nothing is earned."""
    borders = [span.test_start_ms for span in session.plan.value.windows][1:]
    rule = {"type": "line", "yref": "paper", "y0": 0, "y1": 1, "line": {"color": GREY, "width": 0.5}, "layer": "below"}
    level = {
        "type": "line",
        "xref": "paper",
        "x0": 0,
        "x1": 1,
        "y0": 1,
        "y1": 1,
        "line": {"color": GREY, "dash": "dot"},
    }
    return [level, *(rule | {"x0": x, "x1": x} for x in (borders if len(borders) <= MAX_RULES else []))]


def _missing(missing: tuple[WindowSpanRecord, ...], curves: RunCurves) -> list[dict[str, Any]]:
    """Hatching over the windows that did not finish."""
    top, bottom = max(values.max() for values in curves.equity.values()), min(v.min() for v in curves.equity.values())
    return [
        {
            "type": "scatter",
            "x": [span.test_start_ms, span.test_start_ms, span.test_end_ms, span.test_end_ms],
            "y": [bottom, top, top, bottom],
            "fill": "toself",
            "mode": "lines",
            "line": {"width": 0},
            "fillpattern": {"shape": "/", "fgcolor": GREY, "size": 8},
            "name": "missing window",
            "legendgroup": "missing",
            "showlegend": number == 0,
            "hoverinfo": "skip",
        }
        for number, span in enumerate(missing)
    ]


def fall_of(equity: FloatArray) -> FloatArray:
    """How far each mark is under the highest so far, a fraction <= 0."""
    fall: FloatArray = equity / np.maximum.accumulate(equity) - 1
    return fall


def _table(curves: RunCurves, traded: str) -> Table:
    """A row a day: every bar would be more than anybody reads."""
    low, middle, high = curves.random_equity
    own, held = (np.cumprod(1 + curves.daily[name]) for name in (traded, LONG))
    fall = fall_of(np.append(1.0, own))[1:]
    columns = zip(curves.day_ms, own, fall, held, low, middle, high, strict=True)
    return Table(
        head=("UTC day", traded, "below its daily high", LONG, "random 5 %", "random 50 %", "random 95 %"),
        rows=[(format_utc_day(int(day)), *map(float, values)) for day, *values in columns],
    )
