"""Intervals by the stationary bootstrap.

Days are redrawn in blocks of random length, so that their dependence survives. One set of draws is made for
a run and shared by every statistic, model and baseline; a difference between two series is therefore always
paired day by day.

References
----------
Politis and Romano (1994), "The Stationary Bootstrap".
Politis and White (2004), "Automatic Block-Length Selection for the Dependent Bootstrap", with the
correction of Patton, Politis and White (2009).
"""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from job.arrays import FloatArray
from job.evaluation.measure import ZERO_DEVIATION, Reason
from job.intervals import YEAR_DAYS

MIN_DAYS = 60  # fewer hold too few blocks for the redrawn days to differ in more than their order
MIN_BLOCK_DAYS = 5.0
MIN_DAYS_FOR_DEPENDENCE = 10  # fewer do not hold the lags that are looked at
NUM_DRAWS = 5_000
CONFIDENCE = 0.95
# Years of days redrawn thousands of times are hundreds of megabytes: what is made of them is made a part at a time, and
# a part is small enough for a processor's own memory.
CELLS_AT_ONCE = 1 << 18


@dataclass(frozen=True, kw_only=True)
class DayDraws:
    """Days redrawn with replacement, in blocks.

    Parameters
    ----------
    index : int32 (num_draws, num_days), each row one redrawn history.
    block_days : mean length of a block.
    """

    index: NDArray[np.int32]
    block_days: float

    @property
    def num_days(self) -> int:
        """Length of the history that was redrawn."""
        return int(self.index.shape[1])

    @cached_property
    def _weight(self) -> FloatArray:
        """Share of each redrawn history that each day makes up, (num_draws, num_days); counted once for all."""
        num_days = self.num_days
        weight = np.empty(self.index.shape)
        for rows in rows_at_once(weight.shape):
            drawn = self.index[rows]
            cell = drawn + num_days * np.arange(len(drawn))[:, np.newaxis]
            weight[rows] = np.bincount(cell.ravel(), minlength=cell.size).reshape(cell.shape) / num_days
        return weight

    def means(self, values: FloatArray) -> FloatArray:
        """Mean of ``values`` float64 (..., num_days) over each redrawn history: (..., num_draws)."""
        means: FloatArray = values @ self._weight.T
        return means


@dataclass(frozen=True, kw_only=True)
class Interval:
    """A percentile interval, or the reason why there is none; then both bounds are None."""

    low: float | None
    high: float | None
    reason: Reason | None = None

    def __post_init__(self) -> None:
        if len({self.low is None, self.high is None, self.reason is not None}) != 1:
            raise ValueError("an interval has either two bounds or a reason")


def optimal_block_days(returns: FloatArray) -> float:
    """Mean block length that estimates the variance of the mean best, in days; 1 if nothing depends.

    Parameters
    ----------
    returns : float64 (n_days,), n_days >= 1.

    Notes
    -----
    Equal to ``arch.bootstrap.optimal_block_length``. A constant series, and one of fewer than ten days, shows
    no dependence: 1.
    """
    num_days = len(returns)
    centred = returns - returns.mean()
    if num_days < MIN_DAYS_FOR_DEPENDENCE or centred.std() < ZERO_DEVIATION:
        return 1.0
    run = max(5, int(math.log10(num_days)))
    max_lag = math.ceil(math.sqrt(num_days)) + run
    covariance = np.array([centred[lag:] @ centred[: num_days - lag] for lag in range(max_lag + 1)]) / num_days
    num_lags = _num_dependent_lags(centred, covariance, run)
    lag = np.arange(1, num_lags + 1)
    flat_top = np.minimum(1, 2 * (1 - lag / num_lags)) * covariance[1 : num_lags + 1]
    long_run_variance = covariance[0] + 2 * flat_top.sum()
    slope = 2 * (lag * flat_top).sum()
    longest = math.ceil(min(3 * math.sqrt(num_days), num_days / 3))
    if long_run_variance == 0:
        return float(longest)
    return float(min(longest, (slope**2 / long_run_variance**2 * num_days) ** (1 / 3)))


def _num_dependent_lags(centred: FloatArray, covariance: FloatArray, run: int) -> int:
    """Twice the first lag that begins ``run`` insignificant autocorrelations."""
    num_days, max_lag = len(centred), len(covariance) - 1
    energy = np.cumsum(np.square(centred))
    lag = np.arange(max_lag)
    norm = np.sqrt((energy[-1] - energy[lag]) * energy[num_days - lag - 2])
    correlation = np.divide(np.abs(covariance[:-1]) * num_days, norm, out=np.zeros(max_lag), where=norm > 0)
    is_small = correlation < 2 * math.sqrt(math.log10(num_days) / num_days)
    runs = np.lib.stride_tricks.sliding_window_view(is_small, run).all(axis=1)
    first = int(np.argmax(runs)) if runs.any() else max_lag
    return min(2 * max(first, 1), max_lag)


def draw_days(returns: FloatArray, *, rng: np.random.Generator, num_draws: int = NUM_DRAWS) -> DayDraws:
    """Redraw the days of ``returns`` in blocks as long as their dependence asks, five days at least.

    Parameters
    ----------
    returns : float64 (n_days,), the model's daily returns, n_days >= 1.
    rng : source of all randomness.
    num_draws : number of redrawn histories.
    """
    block_days = max(MIN_BLOCK_DAYS, optimal_block_days(returns))
    return DayDraws(
        index=draw_indices(len(returns), block_length=block_days, num_draws=num_draws, rng=rng),
        block_days=block_days,
    )


def rows_at_once(shape: tuple[int, ...]) -> Iterator[slice]:
    """The rows of a table of this shape, a part at a time."""
    num_rows = max(1, CELLS_AT_ONCE // max(shape[1], 1))
    return (slice(start, start + num_rows) for start in range(0, shape[0], num_rows))


def draw_indices(length: int, *, block_length: float, num_draws: int, rng: np.random.Generator) -> NDArray[np.int32]:
    """Stationary-bootstrap row numbers, int32 (num_draws, length); blocks wrap around the end.

    Parameters
    ----------
    block_length : mean length of a block, >= 1; lengths are geometric.
    """
    is_start = np.empty((num_draws, length), dtype=np.bool_)
    for rows in rows_at_once(is_start.shape):
        is_start[rows] = rng.random(is_start[rows].shape) < 1 / block_length
    is_start[:, 0] = True
    index = np.empty(is_start.shape, dtype=np.int32)
    step = np.arange(length)
    for rows in rows_at_once(index.shape):
        offset = rng.integers(length, size=index[rows].shape)
        start = np.flatnonzero(is_start[rows])
        # Within a block the offset stays, so rows follow one another.
        steps_on = np.repeat(offset.ravel()[start], np.diff(start, append=offset.size)).reshape(offset.shape) + step
        index[rows] = np.where(steps_on < length, steps_on, steps_on - length)
    return index


def sharpe_along_days(returns: FloatArray, *, bars_per_year: float) -> FloatArray:
    """Annual Sharpe ratio along the last axis: (..., n_days) to (...).

    Notes
    -----
    A redrawn history without variance neither earns nor loses and counts as 0, which can only widen an
    interval towards "no evidence".
    """
    centre = returns.mean(axis=-1, keepdims=True)
    deviation = returns.std(axis=-1, ddof=1, mean=centre)
    mean = centre[..., 0]
    daily = np.divide(mean, deviation, out=np.zeros_like(mean), where=deviation >= ZERO_DEVIATION)
    annual: FloatArray = daily * math.sqrt(bars_per_year)
    return annual


def confidence_interval(
    statistic: Callable[[FloatArray], FloatArray], returns: FloatArray, draws: DayDraws
) -> Interval:
    """95 % percentile interval of a statistic of daily returns.

    Parameters
    ----------
    statistic : maps float64 (..., n_days) to (...), e.g. `sharpe_along_days`. Given stacked series it must
        reduce them too: the difference of two models is a statistic of (2, ..., n_days).
    returns : float64 (n_days,) or (n_series, n_days), on the days of ``draws``.
    draws : the shared draws.

    Returns
    -------
    Interval
        ``too_short`` for fewer than 60 days.
    """
    if returns.shape[-1] != draws.num_days:
        raise ValueError(f"{returns.shape[-1]} days of returns, but draws of {draws.num_days}")
    if not np.isfinite(returns).all():
        raise ValueError("returns must be finite")
    if draws.num_days < MIN_DAYS:
        return Interval(low=None, high=None, reason="too_short")
    drawn = [statistic(np.take(returns, draws.index[rows], axis=-1)) for rows in rows_at_once(draws.index.shape)]
    return percentile_interval(np.concatenate(drawn, axis=-1), draws)


def sharpe_interval(returns: FloatArray, draws: DayDraws) -> Interval:
    """95 % interval of the annual Sharpe ratio of daily returns, float64 (n_days,) on the days of ``draws``.

    Returns
    -------
    Interval
        ``too_short`` for fewer than 60 days, ``zero_variance`` where the returns have no ratio to begin with.
    """
    if draws.num_days >= MIN_DAYS and returns.std(ddof=1) < ZERO_DEVIATION:
        return Interval(low=None, high=None, reason="zero_variance")
    return confidence_interval(lambda r: sharpe_along_days(r, bars_per_year=YEAR_DAYS), returns, draws)


def percentile_interval(drawn: FloatArray, draws: DayDraws) -> Interval:
    """95 % interval of a statistic whose value in each redrawn history is known, float64 (num_draws,).

    Returns
    -------
    Interval
        ``too_short`` for fewer than 60 days.
    """
    if draws.num_days < MIN_DAYS:
        return Interval(low=None, high=None, reason="too_short")
    tail = (1 - CONFIDENCE) / 2
    low, high = np.quantile(drawn, [tail, 1 - tail])
    return Interval(low=float(low), high=float(high))
