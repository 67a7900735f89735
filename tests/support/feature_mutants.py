"""Feature builds with a planted mistake: what the checks of honesty must catch."""

from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np

from job.arrays import FloatArray, IntArray
from job.audit.future import Build
from job.data.feature_rows import FeatureRows
from job.data.klines import Klines
from job.intervals import HOUR_MS, interval_ms

Column = Callable[[Klines], FloatArray]


def with_column(build: Build, column: Column) -> Build:
    """The build with one more column, computed from the whole series of the target at once."""

    def mutant(target: Klines, context: Mapping[str, Klines]) -> FeatureRows:
        rows = build(target, context)
        values = column(target)[np.searchsorted(target.open_time, rows.open_time)]
        return FeatureRows(
            names=(*rows.names, "planted"),
            open_time=rows.open_time,
            values=np.column_stack((rows.values, values)).astype(np.float32),
        )

    return mutant


def with_context_shifted(build: Build, symbol: str, num_bars: int) -> Build:
    """The build with a context symbol's bars joined so many bars too early."""

    def mutant(target: Klines, context: Mapping[str, Klines]) -> FeatureRows:
        market = context[symbol]
        shift_ms = num_bars * interval_ms(market.interval)
        shifted = replace(market, open_time=market.open_time - shift_ms)
        return build(target, {**context, symbol: shifted})

    return mutant


def centred_window(target: Klines) -> FloatArray:
    """Mean of five bars of which two are still to come."""
    return np.convolve(np.log(target.close), np.full(5, 0.2), mode="same")


def global_range(target: Klines) -> FloatArray:
    """Place between the lowest and the highest close of the whole series."""
    return (target.close - target.close.min()) / (target.close.max() - target.close.min())


def backward_fill(target: Klines) -> FloatArray:
    """The close at the end of the hour, known to all of the hour's bars."""
    is_last = np.flatnonzero(target.available_at % HOUR_MS == 0)
    following = np.minimum(np.searchsorted(is_last, np.arange(len(target))), len(is_last) - 1)
    return np.log(target.close[is_last[following]])


def expanding_mean(target: Klines) -> FloatArray:
    """Distance to the mean of all closes so far: honest about the future, but it never forgets."""
    mean = np.cumsum(target.close) / np.arange(1, len(target) + 1)
    return np.log(target.close / mean)


def join_on_open(available_at: IntArray, decision_at: IntArray) -> IntArray:
    """The join of longer bars by the time at which they open."""
    opens_at = available_at - np.diff(available_at)[0]
    return np.searchsorted(opens_at, decision_at, side="right") - 1
