"""What did it see, say and do in one window? Price, forecast and position, bar by bar. Pure."""

from collections.abc import Mapping
from functools import partial
from typing import Any

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray
from plotly.subplots import make_subplots

from dashboard.chart import Chart, Line, Span, Table
from dashboard.figures.house_style import BLUE, GREEN, GREY, VERMILION, new_figure
from dashboard.figures.run_parts import as_x, defined
from dashboard.figures.sampling import rows_to_draw
from job.arrays import FloatArray, IntArray
from job.errors import DataError
from job.intervals import format_utc
from job.records import WindowRecord
from job.report.numbers import count

QUESTION = "What did it see, say and do, bar by bar?"
SIDES = {-1: "short", 0: "flat", 1: "long"}
HEIGHT = 560


def window_detail_chart(window: WindowRecord, series: Mapping[str, NDArray[Any]]) -> Chart:
    """Close, forecast with its thresholds, and the position that was wanted, over the test.

    Parameters
    ----------
    series : the arrays of the window's ``series.npz``.

    Raises
    ------
    DataError
        Where an array is missing or does not fit.
    """
    model = window.traded_model
    time_ms, close, probability, position, up = _columns(series, model)
    thresholds = window.models[model].thresholds
    figure = _panels()
    lines = _lines(time_ms, close, probability, None)
    for (place, (x, y)), colour, name in zip(lines.items(), (GREY, BLUE), ("close", "forecast"), strict=True):
        look = {"color": colour, "width": 1.4}
        figure.add_scatter(x=x, y=y, mode="lines", line=look, name=name, row=place + 1, col=1)
    changes = np.flatnonzero(np.append(True, np.diff(position) != 0))
    figure.add_scatter(
        x=as_x(np.append(time_ms[changes], time_ms[-1])),
        y=np.append(position[changes], position[-1]),
        mode="lines",
        line={"color": GREEN, "shape": "hv", "width": 1.4},
        fill="tozeroy",
        name="position",
        row=3,
        col=1,
    )
    traded_at = "nothing beat staying flat on validation, so it was not traded"
    if thresholds.buy is not None and thresholds.sell is not None:
        traded_at = f"bought from {thresholds.buy:g}, sold up to {thresholds.sell:g}"
        for level in (thresholds.buy, thresholds.sell):
            figure.add_hline(y=level, line={"color": VERMILION, "dash": "dash", "width": 1}, row=2, col=1)
    figure.add_hline(y=0.5, line={"color": GREY, "dash": "dot", "width": 1}, row=2, col=1)
    in_market = float((position != 0).mean())
    return Chart(
        question=QUESTION,
        note=f"Window {window.span.index}, test of {model}, n = {count(len(time_ms))} bars; {traded_at}. "
        "Baselines: a forecast of 0.5, dotted, and position 0. Price in quote currency.",
        summary=f"It held a position in {in_market:.0%} of {count(len(time_ms))} bars.",
        figure=figure,
        table=Table(
            head=("bar opens, UTC", "close", "forecast of up", "position", "label"),
            rows=[
                (format_utc(int(t)), float(c), defined(p), SIDES.get(int(s), "?"), {0.0: "down", 1.0: "up"}.get(u))
                for t, c, p, s, u in zip(time_ms, close, probability, position, up.tolist(), strict=True)
            ],
        ),
        zoom=partial(_lines, time_ms, close, probability),
    )


def _lines(time_ms: IntArray, close: FloatArray, probability: FloatArray, seen: Span | None) -> dict[int, Line]:
    """Close and forecast, by their places in the figure: the first two, each in a panel of its own."""
    lines = {}
    for place, values in enumerate((close, probability)):
        is_known = np.isfinite(values)
        known_ms, known = time_ms[is_known], values[is_known]
        rows = rows_to_draw(known_ms, known, span_ms=seen)
        lines[place] = (as_x(known_ms[rows]), known[rows].astype(np.float32))
    return lines


def _columns(
    series: Mapping[str, NDArray[Any]], model: str
) -> tuple[IntArray, FloatArray, FloatArray, IntArray, FloatArray]:
    """Times, closes, forecasts, positions and labels: as long as each other, and numbers."""
    names = ("open_time", "close", f"probability_{model}", f"position_{model}", "up")
    absent = [name for name in names if name not in series]
    arrays = [series[name] for name in names if name in series]
    shapes = {array.shape for array in arrays}
    if (
        absent
        or len(shapes) != 1
        or len(arrays[0].shape) != 1
        or not arrays[0].size
        or any(a.dtype.kind not in "fi" for a in arrays)
    ):
        raise DataError(
            f"The bars of this window cannot be drawn: {', '.join(absent) or 'the arrays do not fit together'}.",
            remedy="Run the window again: it mends its objects.",
        )
    time_ms, close, probability, position, up = arrays
    return time_ms.astype(np.int64), close, probability, position.astype(np.int64), up


def _panels() -> go.Figure:
    figure = make_subplots(rows=3, cols=1, shared_xaxes=True, row_heights=[0.5, 0.32, 0.18], vertical_spacing=0.04)
    figure.update_layout(new_figure(x_title="", y_title="", height=HEIGHT).layout)
    for row, title in ((1, "close"), (2, "forecast of up"), (3, "position")):
        figure.update_yaxes(title_text=title, row=row, col=1)
        figure.update_xaxes(type="date", title_text="UTC" if row == 3 else "", row=row, col=1)
    figure.update_yaxes(tickvals=list(SIDES), ticktext=list(SIDES.values()), range=[-1.15, 1.15], row=3, col=1)
    return figure
