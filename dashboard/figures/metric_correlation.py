"""Which metrics repeat each other, and does what was chosen on foretell the test? Pure, but for reading the windows."""

from dataclasses import replace

import numpy as np
import plotly.graph_objects as go

from dashboard.chart import Cell, Chart, Table
from dashboard.correlation import beyond_luck, clustered_order, correlation_interval, slope_with_interval
from dashboard.figures.house_style import COLOURS, GREY, PALE_DIVERGING, new_figure
from dashboard.figures.sentence import sentence_chart
from dashboard.repository import Repository
from dashboard.window_points import WindowPoints, read_points
from job.arrays import BoolArray, FloatArray, IntArray
from job.report.metric_words import words_of
from job.report.numbers import ratio, signed_ratio
from job.report.window_correlation import Method, WindowCorrelation, correlate, correlate_windows

CHOSEN, TESTED = "validation_sharpe_ratio", "test_sharpe_ratio"
REPEATS = "Which metrics repeat each other?"
FORETELLS = "Does the validation foretell the test?"
SYMBOLS = ("circle", "diamond", "square", "x", "cross", "triangle-up", "star", "hexagon")


def metric_label(name: str) -> str:
    """``test Sharpe`` for ``test_sharpe_ratio``."""
    when, _, metric = name.partition("_")
    return f"{when} {words_of(metric).label}"


def chosen_against_tested(repository: Repository, *, runs: str) -> Chart:
    """The Sharpe ratio that each window was chosen on, and the one that its test gave."""
    return pair_chart(read_points(repository, runs), CHOSEN, TESTED, question=FORETELLS, has_diagonal=True)


def metric_pair(repository: Repository, *, runs: str, across: str = CHOSEN, up: str = TESTED) -> Chart:
    """Any two metrics against each other."""
    points = read_points(repository, runs)
    if across not in points.columns or up not in points.columns:
        raise ValueError("no such metric")
    question = f"Does {metric_label(up)} move with {metric_label(across)}?"
    return pair_chart(points, across, up, question=question)


def metric_correlation(repository: Repository, *, runs: str, method: str = "spearman") -> Chart:
    """The lower triangle of all correlations, those together that belong together."""
    kind: Method = "pearson" if method == "pearson" else "spearman"
    points = read_points(repository, runs)
    chart = correlation_chart(correlate_windows(points.windows, kind), kind, num_windows=len(points.windows))
    num_idle = int((points.columns["test_n_trades"] == 0).sum())
    if num_idle < 2:
        return chart
    return replace(chart, note=f"{chart.note} {num_idle} windows never traded: they tie at a net return of 0.")


def pair_chart(points: WindowPoints, across: str, up: str, *, question: str, has_diagonal: bool = False) -> Chart:
    """Windows as points with the line through them, a shape and a colour for each run."""
    x, y = points.columns[across], points.columns[up]
    known = np.isfinite(x) & np.isfinite(y)
    num, labels = int(known.sum()), (metric_label(across), metric_label(up))
    if num == 0:
        return sentence_chart(question=question, note=f"n = 0 of {len(x)} windows", reason="no window has both metrics")
    figure = new_figure(x_title=labels[0], y_title=labels[1])
    figure.update_layout(hovermode="closest")
    for number, run_id in enumerate(points.runs):
        rows = [row for row in points.of_run(run_id) if known[row]]
        figure.add_scatter(
            x=x[rows],
            y=y[rows],
            mode="markers",
            name=run_id,
            text=[f"{run_id}, window {points.windows[row].span.index}" for row in rows],
            marker={"size": 9, "symbol": SYMBOLS[number % len(SYMBOLS)], "color": COLOURS[number % len(COLOURS)]},
            hovertemplate="%{text}<br>%{x:.3g}, %{y:.3g}<extra></extra>",
        )
    ends = np.array([x[known].min(), x[known].max()])
    if has_diagonal:
        figure.add_scatter(x=ends, y=ends, mode="lines", name="y = x", line={"color": GREY, "dash": "dot"})
    fitted = slope_with_interval(x, y)
    if fitted is not None:
        level = y[known].mean() + fitted[0] * (ends - x[known].mean())
        figure.add_scatter(x=ends, y=level, mode="lines", name="least squares", line={"color": GREY})
    told = _pair_words(x, y, num, fitted)
    return Chart(
        question=question,
        note=f"n = {num} of {len(x)} windows. {told}"
        + (" Baseline: the dotted line, a test as good as its validation." if has_diagonal else ""),
        summary=f"{labels[1]} against {labels[0]} of {num} windows. {told}",
        figure=figure,
        table=Table(
            head=("run", "window", *labels),
            rows=[
                (run_id, window.span.index, _cell(x[row]), _cell(y[row]))
                for row, (run_id, window) in enumerate(zip(points.run_ids, points.windows, strict=True))
            ],
        ),
    )


def correlation_chart(correlation: WindowCorrelation, method: Method, *, num_windows: int) -> Chart:
    """The heatmap; what may be luck is printed without colour."""
    dropped = "; ".join(f"{metric_label(name)} ({why})" for name, why in correlation.dropped.items())
    left_out = f" Left out: {dropped}." if dropped else ""
    if len(correlation.names) < 2:
        return sentence_chart(
            question=REPEATS, note=f"n = {num_windows} windows.{left_out}", reason="fewer than two metrics vary"
        )
    order = clustered_order(correlation.value)
    value, num = correlation.value[np.ix_(order, order)], correlation.num_windows[np.ix_(order, order)]
    names = [correlation.names[index] for index in order]
    stands_out = beyond_luck(value, num)
    below = np.tri(len(names), k=-1, dtype=bool)
    figure = _heatmap(names, value, num, below, stands_out)
    num_pairs = len(names) * (len(names) - 1) // 2
    found = int((stands_out & below).sum())
    return Chart(
        question=REPEATS,
        note=f"{method.capitalize()} correlation over n = {num_windows} windows; 0 is the baseline. Coloured: beyond "
        f"luck with at most one in twenty false (Benjamini and Hochberg over {num_pairs} pairs). Choose a cell to see "
        f"its windows.{left_out}",
        summary=f"{found} of {num_pairs} pairs of metrics are correlated beyond luck.",
        figure=figure,
        table=Table(
            head=("metric", "with", "correlation", "low", "high", "windows", "beyond luck"),
            rows=_pair_rows(names, value, num, stands_out),
        ),
    )


def _heatmap(names: list[str], value: FloatArray, num: IntArray, below: BoolArray, out: BoolArray) -> go.Figure:
    labels = [metric_label(name) for name in names]
    figure = new_figure(x_title="", y_title="", height=120 + 34 * len(names))
    figure.update_layout(hovermode="closest", dragmode=False)
    shown = np.where(below & np.isfinite(value), np.where(out, value, 0.0), np.nan)
    text = [
        [_cell_text(value[i, j], int(num[i, j])) if below[i, j] else "" for j in range(len(names))]
        for i in range(len(names))
    ]
    figure.add_heatmap(
        x=labels,
        y=labels,
        z=shown,
        text=text,
        customdata=[[[b, a] for b in names] for a in names],
        texttemplate="%{text}",
        zmin=-1,
        zmax=1,
        colorscale=PALE_DIVERGING,
        reversescale=False,
        hoverongaps=False,
        colorbar={"title": "correlation"},
        hovertemplate="%{y} with %{x}: %{text}<extra></extra>",
        textfont={"size": 10},
        name="correlation",
    )
    figure.update_yaxes(autorange="reversed", showgrid=False)
    figure.update_xaxes(showgrid=False, tickangle=-45)
    return figure


def _cell_text(value: float, num: int) -> str:
    return f"{value:+.2f}<br>n={num}" if np.isfinite(value) else f"–<br>n={num}"


def _pair_rows(names: list[str], value: FloatArray, num: IntArray, out: BoolArray) -> list[tuple[Cell, ...]]:
    rows: list[tuple[Cell, ...]] = []
    for i, j in zip(*np.tril_indices(len(names), k=-1), strict=True):
        low, high = correlation_interval(float(value[i, j]), int(num[i, j])) or (None, None)
        own, other = metric_label(names[i]), metric_label(names[j])
        rows.append((own, other, _cell(value[i, j]), low, high, int(num[i, j]), "yes" if out[i, j] else "no"))
    return rows


def _pair_words(x: FloatArray, y: FloatArray, num: int, fitted: tuple[float, float, float] | None) -> str:
    rank = correlate(x, y, "spearman")
    interval = correlation_interval(rank, num)
    words = "Rank correlation undefined." if not np.isfinite(rank) else f"Rank correlation {signed_ratio(rank)}"
    if interval is not None:
        words += f" (95 % interval {signed_ratio(interval[0])} to {signed_ratio(interval[1])})"
    if fitted is None:
        return f"{words.rstrip('.')}; slope undefined."
    return f"{words.rstrip('.')}; slope {ratio(fitted[0])} (95 % interval {ratio(fitted[1])} to {ratio(fitted[2])})."


def _cell(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None
