"""Two runs over the same windows: window by window, and their days paired. Pure.

Runs are comparable where they were tested on the same bars of the same market at the same costs; everything else may
differ, and is what the comparison is about.
"""

from dataclasses import dataclass

import numpy as np

from job.arrays import FloatArray
from job.evaluation.bootstrap import draw_days
from job.evaluation.daily import DailyReturns, utc_daily_returns
from job.evaluation.paired import Difference, log_loss_difference, mean_difference, sharpe_difference
from job.intervals import DAY_MS
from job.records import MeasureRecord
from job.replay import join_tests, replay
from job.report.stored_run import StoredRun, StoredWindow
from job.rules import trading_rules

DRAWS_SEED = 0  # of the comparison, which is none of its runs' own
PRICES = ("open_time", "open", "high", "low", "close")


@dataclass(frozen=True, kw_only=True)
class WindowPair:
    """One window of both runs."""

    index: int
    test_start_ms: int
    total_return: tuple[MeasureRecord, MeasureRecord]
    sharpe_ratio: tuple[MeasureRecord, MeasureRecord]


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """The windows that both have finished, and the first run's days less the second's.

    Parameters
    ----------
    pairs : in order of time, at least one.
    missing : windows that one of the two lacks.
    num_days : that are paired.
    difference : the first less the second; its log-loss is None where the two learned different labels.
    """

    pairs: tuple[WindowPair, ...]
    missing: tuple[int, ...]
    num_days: int
    difference: Difference


def compare_runs(first: StoredRun, second: StoredRun) -> Comparison | None:
    """Pair two comparable runs; None where they have no finished window in common.

    Raises
    ------
    ValueError
        Where the bars of a window differ, although both plans say that the data are the same.
    """
    own, other = first.windows(), second.windows()
    common = sorted(own.keys() & other.keys())
    if not common:
        return None
    for index in common:
        if not _same_bars(own[index], other[index]):
            raise ValueError(f"the bars of window {index} differ")
    daily = [_daily(run, [windows[i] for i in common]) for run, windows in ((first, own), (second, other))]
    return Comparison(
        pairs=tuple(_pair(index, own[index], other[index]) for index in common),
        missing=tuple(span.index for span in first.plan.windows if span.index not in common),
        num_days=len(daily[0]),
        difference=_difference(first, second, daily, [(own[i], other[i]) for i in common]),
    )


def _same_bars(own: StoredWindow, other: StoredWindow) -> bool:
    return all(np.array_equal(getattr(own.series.klines, n), getattr(other.series.klines, n)) for n in PRICES)


def _daily(run: StoredRun, windows: list[StoredWindow]) -> DailyReturns:
    tests = join_tests([window.series for window in windows])
    return utc_daily_returns(replay(tests, run.traded_model, trading_rules(run.plan.procedure)))


def _pair(index: int, own: StoredWindow, other: StoredWindow) -> WindowPair:
    tests = [window.record.models[window.record.traded_model].test for window in (own, other)]
    return WindowPair(
        index=index,
        test_start_ms=own.record.span.test_start_ms,
        total_return=(tests[0]["total_return"], tests[1]["total_return"]),
        sharpe_ratio=(tests[0]["sharpe_ratio"], tests[1]["sharpe_ratio"]),
    )


def _difference(
    first: StoredRun, second: StoredRun, daily: list[DailyReturns], windows: list[tuple[StoredWindow, StoredWindow]]
) -> Difference:
    own, other = daily
    draws = draw_days(own.value - other.value, rng=np.random.default_rng(DRAWS_SEED))
    (up, probability), (other_up, other_probability) = (
        _forecasts([pair[side] for pair in windows], run.traded_model) for side, run in enumerate((first, second))
    )
    open_time = np.concatenate([window.series.klines.open_time for window, _ in windows])
    day_number = np.searchsorted(own.day, open_time - open_time % DAY_MS)
    return Difference(
        daily_return=mean_difference(own.value, other.value, draws),
        sharpe_ratio=sharpe_difference(own.value, other.value, draws),
        log_loss=log_loss_difference(up, probability, other_probability, day_number, draws)
        if np.array_equal(up, other_up, equal_nan=True)
        else None,
    )


def _forecasts(windows: list[StoredWindow], model: str) -> tuple[FloatArray, FloatArray]:
    """Labels and forecasts of a run, bar by bar."""
    series = [window.series for window in windows]
    return np.concatenate([s.up for s in series]), np.concatenate([s.probability[model] for s in series])
