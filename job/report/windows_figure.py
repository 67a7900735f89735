"""Validation against test, window by window: is it one lucky window, and did the choice hold? Pure."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, PercentFormatter

from job.arrays import FloatArray
from job.backtest.account import Backtest
from job.intervals import format_utc_day
from job.records import LONG, PlanRecord, WindowRecord
from job.report.house_style import BLUE, GREEN, GRID, MUTED, finished, house_style, legend_below, new_figure
from job.report.sampling import STANDARD_ERRORS, sharpe_standard_error
from job.run_evaluation import RunEvaluation
from job.windows import VALIDATION_SHARE

QUESTION = "Is it one lucky window, and does validation foretell the test?"


def windows_figure(plan: PlanRecord, evaluation: RunEvaluation) -> Figure:
    """Net return and Sharpe ratio of every window, as chosen on validation and as found in the test."""
    windows = evaluation.windows
    days = plan.procedure.windows
    with house_style():
        figure = new_figure(QUESTION, height_inches=6.0)
        returns, sharpes = figure.subplots(2, 1, sharex=True)
        _draw_pair(returns, windows, "total_return", test_days=days.test_size, validation_days=_validation_days(plan))
        index = [window.span.index for window in windows]
        held = evaluation.models[LONG].account
        returns.plot(index, _gains(held, windows), "_", color=MUTED, markersize=9, label="always long, test (baseline)")
        _draw_pair(sharpes, windows, "sharpe_ratio", test_days=days.test_size, validation_days=_validation_days(plan))
        reach = STANDARD_ERRORS * sharpe_standard_error(days.test_size)
        sharpes.axhspan(-reach, reach, color=GRID, alpha=0.5, zorder=0, linewidth=0)
        returns.set_title(_title(windows))
        sharpes.set_title(
            f"Grey: where a Sharpe ratio of {days.test_size} days falls in 95 of 100 windows without any skill"
        )
        returns.set_ylabel("net return (flat = 0)")
        returns.yaxis.set_major_formatter(PercentFormatter(xmax=1))
        sharpes.set_ylabel("Sharpe ratio, per year, from bars")
        sharpes.set_xlabel("window")
        sharpes.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=25, min_n_ticks=1))
        sharpes.set_xlim(index[0] - 0.6, index[-1] + 0.6)
        for axes in (returns, sharpes):
            axes.axhline(0, color=MUTED, linewidth=1.0, linestyle=":")
            axes.grid(visible=False, axis="x")
        legend_below(figure, returns, sharpes)
        return finished(figure)


def _title(windows: Sequence[WindowRecord]) -> str:
    first, last = windows[0].span, windows[-1].span
    return (
        f"n = {len(windows)} windows of {windows[0].traded_model}, tests from {format_utc_day(first.test_start_ms)} "
        f"to {format_utc_day(last.test_end_ms - 1)}; thresholds are chosen on validation"
    )


def _validation_days(plan: PlanRecord) -> float:
    return 2 * plan.procedure.windows.window_size / VALIDATION_SHARE


def _draw_pair(
    axes: Axes, windows: Sequence[WindowRecord], metric: str, *, test_days: float, validation_days: float
) -> None:
    """Two shapes a window, tied by a line; a cross at the foot where one of the two has no value."""
    index = np.array([window.span.index for window in windows], dtype=np.float64)
    models = [window.models[window.traded_model] for window in windows]
    validation = _column([model.validation[metric].value for model in models])
    test = _column([model.test[metric].value for model in models])
    axes.vlines(index, validation, test, color=MUTED, linewidth=0.8)
    axes.plot(
        index,
        validation,
        "o",
        color=GREEN,
        markerfacecolor="none",
        markersize=6.5,
        label=f"validation ({validation_days:g} days)",
    )
    axes.plot(index, test, "D", color=BLUE, markersize=5, label=f"test ({test_days:g} days)")
    undefined = index[np.isnan(validation) | np.isnan(test)]
    if len(undefined):
        axes.plot(
            undefined,
            np.full(len(undefined), 0.03),
            "x",
            color=MUTED,
            markersize=5,
            transform=axes.get_xaxis_transform(),
            label=f"no value in validation or test ({len(undefined)} of {len(index)})",
        )


def _column(values: list[float | None]) -> FloatArray:
    return np.array([np.nan if value is None else value for value in values])


def _gains(account: Backtest, windows: Sequence[WindowRecord]) -> FloatArray:
    """Return of a stitched account in each window's test."""
    starts = np.searchsorted(account.open_time, [window.span.test_start_ms for window in windows])
    ends = np.searchsorted(account.open_time, [window.span.test_end_ms for window in windows])
    before = account.equity[starts]
    return np.divide(account.equity[ends], before, out=np.ones_like(before), where=before > 0) - 1
