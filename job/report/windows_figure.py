"""Validation against test, window by window: is it one lucky window, and did the choice hold? Pure."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, PercentFormatter

from job.arrays import FloatArray
from job.backtest.account import Backtest
from job.intervals import DAY_MS, format_utc_day
from job.records import LONG, PlanRecord, WindowRecord
from job.report.house_style import BLUE, GREEN, GRID, MUTED, finished, house_style, legend_below, new_figure
from job.report.sampling import STANDARD_ERRORS, sharpe_standard_error
from job.run.plan import windows_of
from job.run_evaluation import RunEvaluation
from job.windows import Span

QUESTION = "Is it one lucky window, and does validation foretell the test?"


def windows_figure(plan: PlanRecord, evaluation: RunEvaluation) -> Figure:
    """Net return and Sharpe ratio of every window, as chosen on validation and as found in the test."""
    windows = evaluation.windows
    validation, test = _lengths(plan, windows)
    days = plan.procedure.windows
    with house_style():
        figure = new_figure(QUESTION, height_inches=6.0)
        returns, sharpes = figure.subplots(2, 1, sharex=True)
        _draw_pair(returns, windows, "total_return", test=test, validation=validation)
        index = [window.span.index for window in windows]
        held = evaluation.models[LONG].account
        returns.plot(index, _gains(held, windows), "_", color=MUTED, markersize=9, label="always long, test (baseline)")
        _draw_pair(sharpes, windows, "sharpe_ratio", test=test, validation=validation)
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


def _lengths(plan: PlanRecord, windows: Sequence[WindowRecord]) -> tuple[str, str]:
    """How long validation and test are, in words: anchored windows grow, and the first test may be shorter."""
    every = windows_of(plan)
    own = [every[window.span.index] for window in windows]
    validations = [[block.validation for block in window.blocks] for window in own]
    return _days_of(validations), _days_of([[window.test] for window in own if window.test is not None])


def _days_of(spans: Sequence[Sequence[Span]]) -> str:
    days = [round(sum(span.end_ms - span.start_ms for span in each) / DAY_MS, 1) for each in spans]
    shortest, longest = min(days), max(days)
    return f"{shortest:g} days" if shortest == longest else f"{shortest:g} to {longest:g} days"


def _draw_pair(axes: Axes, windows: Sequence[WindowRecord], metric: str, *, test: str, validation: str) -> None:
    """Two shapes a window, tied by a line; a cross at the foot where one of the two has no value.

    Parameters
    ----------
    test, validation : how long they are, in words.
    """
    index = np.array([window.span.index for window in windows], dtype=np.float64)
    models = [window.models[window.traded_model] for window in windows]
    chosen = _column([model.validation[metric].value for model in models])
    tested = _column([model.test[metric].value for model in models])
    axes.vlines(index, chosen, tested, color=MUTED, linewidth=0.8)
    axes.plot(
        index,
        chosen,
        "o",
        color=GREEN,
        markerfacecolor="none",
        markersize=6.5,
        label=f"validation ({validation})",
    )
    axes.plot(index, tested, "D", color=BLUE, markersize=5, label=f"test ({test})")
    undefined = index[np.isnan(chosen) | np.isnan(tested)]
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
