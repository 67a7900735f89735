"""Did the market change before a test? Each window against the windows before it. Pure."""

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from job.arrays import FloatArray
from job.evaluation.drift import MIN_TO_JUDGE, is_unusual
from job.records import DriftRecord, MeasureRecord
from job.report.house_style import (
    BLUE,
    GREEN,
    MUTED,
    VERMILION,
    finished,
    house_style,
    legend_below,
    new_figure,
    sentence_figure,
)

QUESTION = "Did the market drift away from what was learned?"
COIN = 0.5


def drift_figure(drift: DriftRecord | None) -> Figure:
    """How well a classifier tells a window's newest training days from those before, and its test from both."""
    if drift is None:
        return sentence_figure(QUESTION, "There is nothing to draw: these windows did not measure their drift.")
    index, auc = np.array(drift.window), _values(drift.auc)
    unusual = np.array([is_unusual(percentile.value) for percentile in drift.percentile])
    with house_style():
        figure = new_figure(QUESTION, height_inches=3.2)
        axes = figure.subplots()
        axes.axhline(COIN, color=MUTED, linewidth=1.2, linestyle=":", label="cannot be told apart (baseline)")
        after = _values(drift.after_the_fact_auc)
        axes.plot(index, after, "D", color=GREEN, markersize=5, markerfacecolor="none", label="test, after the fact")
        axes.plot(index, auc, "o-", color=BLUE, markersize=5, label="newest training days, before the test")
        if unusual.any():
            axes.plot(index[unusual], auc[unusual], "^", color=VERMILION, markersize=9, label="unusual")
        axes.set_title(
            f"AUC of telling one stretch of days from the next, n = {len(index)} windows. Any two stretches differ;\n"
            f"unusual is what lies above 95 % of the windows up to it, which takes {MIN_TO_JUDGE} before it"
        )
        axes.set_xlabel("window")
        axes.set_ylabel("AUC")
        axes.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=25, min_n_ticks=1))
        axes.grid(visible=False, axis="x")
        legend_below(figure, axes)
        return finished(figure)


def _values(measures: tuple[MeasureRecord, ...]) -> FloatArray:
    return np.array([np.nan if measure.value is None else measure.value for measure in measures])
