"""Log-loss by epoch: of every window's forward blocks at once, and of one training. Pure."""

import itertools
import math
from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from job.arrays import FloatArray
from job.model.classifier import LossCurve
from job.records import LossCurveRecord, WindowRecord
from job.report.house_style import (
    BLUE,
    MUTED,
    VERMILION,
    finished,
    house_style,
    legend_below,
    new_figure,
    sentence_figure,
)

Curve = LossCurve | LossCurveRecord

COIN_LOSS = math.log(2)
MAX_FITS = 250  # more lines cover one another, and each is drawn many times; medians are of all
NO_EPOCHS = "There is nothing to draw: this model is not trained in epochs."
_BLOCKS_QUESTION = "Does what training learns hold on the days after it?"
_TRAINING_QUESTION = "When did this training stop learning?"


def window_losses_figure(windows: Sequence[WindowRecord]) -> Figure:
    """Every forward block of every window: its training loss, and the loss on the days after it."""
    curves = [curve for window in windows for curve in window.loss_curves if curve.validation]
    if not curves:
        return sentence_figure(_BLOCKS_QUESTION, NO_EPOCHS)
    with house_style():
        figure = new_figure(_BLOCKS_QUESTION, height_inches=3.8)
        fitted, validated = figure.subplots(1, 2, sharex=True, sharey=True)
        _draw_many(fitted, [curve.training for curve in curves], name="training", colour=BLUE)
        _draw_many(validated, [curve.validation for curve in curves], name="validation", colour=VERMILION)
        best = [(curve.best_epoch, curve.validation[curve.best_epoch]) for curve in curves]
        validated.plot(*zip(*best, strict=True), ".", color=VERMILION, label="epoch that was kept")
        drawn = f", one in {_step(curves)} drawn" if _step(curves) > 1 else ""
        fitted.set_title(f"on the days it was fitted to, n = {len(curves)} fits{drawn}")
        validated.set_title(f"on the validation days after them, {len(windows)} windows")
        fitted.set_ylabel("mean log-loss (less is better)")
        legend_below(figure, fitted, validated)
        return finished(figure)


def training_loss_figure(curves: Sequence[Curve]) -> Figure:
    """One training: its forward blocks, and the refit on everything, which has no validation."""
    if not curves:
        return sentence_figure(_TRAINING_QUESTION, NO_EPOCHS)
    with house_style():
        figure = new_figure(_TRAINING_QUESTION, height_inches=3.8)
        panels = figure.subplots(1, len(curves), sharey=True, squeeze=False)[0]
        numbers = itertools.count(1)
        for axes, curve in zip(panels, curves, strict=True):
            name = f"forward block {next(numbers)}" if curve.validation else "refit on all training days"
            axes.set_title(f"{name} (n = {len(curve.training) - 1} epochs)")
            axes.plot(curve.training, color=BLUE, label="training")
            if curve.validation:
                axes.plot(curve.validation, color=VERMILION, dashes=(5, 1.5), label="validation")
            axes.axvline(curve.best_epoch, color=MUTED, linewidth=0.9, label="epoch that was kept")
            _finish(axes)
        panels[0].set_ylabel("mean log-loss (less is better)")
        legend_below(figure, panels[0])
        return finished(figure)


def _draw_many(axes: Axes, losses: list[tuple[float, ...]], *, name: str, colour: str) -> None:
    for curve in losses[:: _step(losses)]:
        axes.plot(curve, color=colour, linewidth=0.6, alpha=0.5)
    axes.plot(_median_while_most_run(losses), color=colour, linewidth=2.4, label=f"{name}: median while most fits run")
    _finish(axes)


def _step(fits: Sequence[object]) -> int:
    """One fit in so many is drawn."""
    return -(-len(fits) // MAX_FITS)


def _finish(axes: Axes) -> None:
    """The baseline and the axis that all panels share."""
    axes.axhline(COIN_LOSS, color=MUTED, linewidth=0.9, linestyle=":", label="a coin (baseline)")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.set_xlabel("epoch (0 is untrained)")


def _median_while_most_run(losses: list[tuple[float, ...]]) -> FloatArray:
    """Median by epoch, as long as more than half of the fits have that epoch."""
    longest = max(map(len, losses))
    table = np.full((len(losses), longest), np.nan)
    for row, curve in zip(table, losses, strict=True):
        row[: len(curve)] = curve
    num_running = np.isfinite(table).sum(axis=0)
    median: FloatArray = np.nanmedian(table[:, num_running * 2 > len(losses)], axis=0)
    return median
