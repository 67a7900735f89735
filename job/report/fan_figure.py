"""Where the account might have gone, had the same days come in another order. Pure."""

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, PercentFormatter

from job.arrays import FloatArray
from job.evaluation.reasons import reason_words
from job.records import MonteCarloRecord
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
from job.report.numbers import count, share
from job.report.tables import chance_of_loss

QUESTION = "How wide does luck spread these days?"


def fan_figure(monte_carlo: MonteCarloRecord, daily: FloatArray) -> Figure:
    """Quantiles of redrawn accounts along the days, and the account as it was.

    Parameters
    ----------
    monte_carlo : of the traded model.
    daily : float64 (n_days,), its daily returns.
    """
    fan = monte_carlo.fan
    if fan is None:
        reason = reason_words(monte_carlo.probability_of_loss.reason)
        return sentence_figure(QUESTION, f"There is nothing to redraw: {reason}, {count(len(daily))}.")
    quantile = {level: np.array(row) - 1 for level, row in zip(fan.quantiles, fan.equity, strict=True)}
    levels = sorted(quantile)
    day = np.arange(len(daily) + 1)
    with house_style():
        figure = new_figure(QUESTION, height_inches=3.6)
        axes = figure.subplots()
        pairs = zip(levels[: len(levels) // 2], reversed(levels[len(levels) // 2 + 1 :]), (0.15, 0.3), strict=True)
        for low, high, alpha in pairs:
            label = f"{share(high - low)} of the histories"
            axes.fill_between(day, quantile[low], quantile[high], color=BLUE, alpha=alpha, linewidth=0, label=label)
        axes.plot(day, quantile[levels[len(levels) // 2]], color=BLUE, linewidth=1.0, label="median")
        axes.plot(day, np.append(0.0, np.cumprod(1 + daily) - 1), color=VERMILION, label="as it was")
        axes.axhline(0, color=MUTED, linewidth=1.2, linestyle=":", label="always flat (baseline)")
        axes.set_title(
            f"{count(monte_carlo.num_draws)} histories redrawn in blocks of days, n = {count(len(daily))} days; "
            f"{chance_of_loss(monte_carlo)}"
        )
        axes.set_xlabel("days of test")
        axes.set_ylabel("net gain")
        axes.yaxis.set_major_formatter(PercentFormatter(xmax=1))
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.margins(x=0.01)
        legend_below(figure, axes)
        return finished(figure)
