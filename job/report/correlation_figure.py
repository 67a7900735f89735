"""Which metrics repeat each other, and whether validation foretells the test. Pure."""

import textwrap
from collections.abc import Sequence

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from job.records import WindowRecord
from job.report.house_style import DIVERGING, GRID, MUTED, finished, house_style, new_figure, sentence_figure
from job.report.metric_words import words_of
from job.report.sampling import is_beyond_luck
from job.report.window_correlation import MIN_WINDOWS, WindowCorrelation, correlate_windows

QUESTION = "Which metrics move together over the windows, and does validation foretell the test?"
DARK_CELL = 0.68  # from this strength on, white text is the readable one
MIN_METRICS = 2
NOTE_COLUMNS = 120


def correlation_figure(windows: Sequence[WindowRecord]) -> Figure:
    """The lower triangle of rank correlations, each with its n; only those that luck does not explain have colour."""
    correlation = correlate_windows(windows)
    num = len(correlation.names)
    if num < MIN_METRICS:
        return sentence_figure(
            QUESTION,
            f"There is nothing to correlate: a metric must differ between at least {MIN_WINDOWS} windows,\n"
            f"and {len(windows)} finished.",
        )
    with house_style():
        figure = new_figure(QUESTION, height_inches=2.2 + 0.42 * num)
        axes = figure.subplots()
        for row in range(1, num):
            for column in range(row):
                _draw_cell(axes, correlation, row, column)
        labels = [_label(name) for name in correlation.names]
        axes.set(xlim=(-0.5, num - 1.5), ylim=(num - 0.5, 0.5))
        axes.set_xticks(range(num - 1), labels[:-1], rotation=40, ha="right", rotation_mode="anchor")
        axes.set_yticks(range(1, num), labels[1:])
        axes.tick_params(length=0)
        axes.grid(visible=False)
        axes.spines[:].set_visible(False)
        axes.set_title(
            f"Spearman's rank correlation, -1 to 1, and below it n, of {len(windows)} windows. Coloured where the 95 % "
            "interval excludes 0;\none pair in 20 would be by luck alone. Baseline: 0, no relation."
        )
        figure.supxlabel(_note(correlation), x=0.012, ha="left", fontsize=8, color=MUTED)
        return finished(figure)


def _draw_cell(axes: Axes, correlation: WindowCorrelation, row: int, column: int) -> None:
    value, num = float(correlation.value[row, column]), int(correlation.num_windows[row, column])
    is_seen = num >= MIN_WINDOWS and is_beyond_luck(value, num)
    fill = colormaps[DIVERGING]((value + 1) / 2) if is_seen else "none"
    axes.add_patch(Rectangle((column - 0.48, row - 0.48), 0.96, 0.96, facecolor=fill, edgecolor=GRID, linewidth=0.6))
    # Text on a coloured cell must not follow the page's theme, as the cell does not.
    ink = ("#ffffff" if abs(value) > DARK_CELL else "#000000") if is_seen else MUTED
    written = "–" if np.isnan(value) else f"{value:z.2f}"
    for height, text, size in ((-0.1, written, 8), (0.27, f"n {num}", 6.5)):
        cell = axes.text(column, row + height, text, ha="center", va="center", fontsize=size, color=ink)
        cell.set_in_layout(False)  # it lies inside its cell, and hundreds of texts take a second to measure


def _label(name: str) -> str:
    span, _, metric = name.partition("_")
    return f"{span}: {words_of(metric).label}"


def _note(correlation: WindowCorrelation) -> str:
    if not correlation.dropped:
        return "No metric was left out."
    reasons = "; ".join(f"{_label(name)} ({why})" for name, why in correlation.dropped.items())
    return textwrap.fill(f"Left out: {reasons}.", NOTE_COLUMNS)
