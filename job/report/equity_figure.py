"""The stitched out-of-sample account beside what needs no skill, and how deep it fell. Pure."""

from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator, PercentFormatter

from job.arrays import FloatArray, IntArray
from job.backtest.account import Backtest
from job.intervals import DAY_MS, format_utc_day, interval_ms
from job.records import LONG, PlanRecord, WindowSpanRecord
from job.report.house_style import BLUE, GRID, MUTED, VERMILION, finished, house_style, legend_below, new_figure
from job.report.numbers import bps, count
from job.report.thinning import rows_to_draw
from job.run_evaluation import RunEvaluation

QUESTION = "Did it earn more than doing nothing, after costs?"
MAX_BORDERS = 100  # more lines are a grey veil, and each is drawn many times


@dataclass(frozen=True, kw_only=True)
class _Curve:
    """One account over time.

    Parameters
    ----------
    time_ms : int64 (n + 1,), when each mark was taken: the first open, then every close.
    gain : float64 (n + 1,), fraction since the start.
    fall : float64 (n + 1,), fraction below the highest mark so far, <= 0.
    """

    time_ms: IntArray
    gain: FloatArray
    fall: FloatArray


def equity_figure(plan: PlanRecord, evaluation: RunEvaluation) -> Figure:
    """Net gain of the traded model and of holding, window borders, missing windows, and the drawdowns below."""
    findings, market = evaluation.findings, plan.procedure.market
    bar_ms = interval_ms(market.interval)
    missing = missing_windows(plan, evaluation)
    with house_style():
        figure = new_figure(QUESTION, height_inches=5.2)
        gains, falls = figure.subplots(2, 1, sharex=True, height_ratios=[2.6, 1])
        _mark_windows(gains, evaluation, missing)
        _mark_windows(falls, evaluation, missing)
        gains.axhline(0, color=MUTED, linewidth=1.2, linestyle=":", label="always flat (baseline)")
        for name, label, colour in (
            (LONG, "always long (baseline)", VERMILION),
            (evaluation.traded, evaluation.traded, BLUE),
        ):
            curve = _curve(evaluation.models[name].account, bar_ms)
            _draw(gains, curve.time_ms, curve.gain, missing, colour=colour, label=label)
            _draw(falls, curve.time_ms, curve.fall, missing, colour=colour, label=label)
        gains.set_title(
            f"{market.symbol} {market.interval}, {len(evaluation.windows)} test windows joined, "
            f"n = {count(findings.num_days)} days and {count(findings.num_trades)} trades, "
            f"net of {bps(findings.cost_bps)} a side"
        )
        gains.set_ylabel("net gain")
        falls.set_ylabel("below its high")
        falls.set_xlabel(_legend_of_borders(evaluation) + ("; hatched windows are missing" if missing else ""))
        for axes in (gains, falls):
            axes.yaxis.set_major_formatter(PercentFormatter(xmax=1))
            axes.grid(visible=False, axis="x")
        falls.xaxis.set_major_locator(MaxNLocator(nbins=8, integer=True))
        falls.xaxis.set_major_formatter(FuncFormatter(lambda day, _: format_utc_day(round(day * DAY_MS))))
        falls.margins(x=0.01)
        legend_below(figure, gains)
        return finished(figure)


def missing_windows(plan: PlanRecord, evaluation: RunEvaluation) -> tuple[WindowSpanRecord, ...]:
    """The planned windows that are not in the evaluation."""
    done = {window.span.index for window in evaluation.windows}
    return tuple(span for span in plan.windows if span.index not in done)


def _curve(account: Backtest, bar_ms: int) -> _Curve:
    equity = account.equity
    return _Curve(
        time_ms=np.append(account.open_time[:1], account.open_time + bar_ms),
        gain=equity / equity[0] - 1,
        fall=equity / np.maximum.accumulate(equity) - 1,
    )


def _draw(
    axes: Axes, time_ms: IntArray, values: FloatArray, missing: tuple[WindowSpanRecord, ...], *, colour: str, label: str
) -> None:
    """A thinned line, broken where a window is missing."""
    rows = rows_to_draw(values)
    time_ms, values = time_ms[rows], values[rows]
    gaps = np.array([span.test_end_ms for span in missing], dtype=np.int64)
    at = np.searchsorted(time_ms, gaps)
    broken_ms, broken = np.insert(time_ms, at, gaps), np.insert(values, at, np.nan)
    axes.plot(broken_ms / DAY_MS, broken, color=colour, label=label)


def _border_step(evaluation: RunEvaluation) -> int:
    return -(-len(evaluation.windows) // MAX_BORDERS)


def _legend_of_borders(evaluation: RunEvaluation) -> str:
    step = _border_step(evaluation)
    return "UTC; vertical lines open a window" if step == 1 else f"UTC; vertical lines open one window in {step}"


def _mark_windows(axes: Axes, evaluation: RunEvaluation, missing: tuple[WindowSpanRecord, ...]) -> None:
    for window in evaluation.windows[:: _border_step(evaluation)]:
        axes.axvline(window.span.test_start_ms / DAY_MS, color=GRID, linewidth=0.8)
    for span in missing:
        axes.axvspan(
            span.test_start_ms / DAY_MS,
            span.test_end_ms / DAY_MS,
            facecolor="none",
            edgecolor=MUTED,
            hatch="///",
            linewidth=0,
        )
