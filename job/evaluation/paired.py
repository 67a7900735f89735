"""How much better one account, or one set of forecasts, is than another on the same days.

Both are redrawn together, day by day, so that what happened to both on a day cancels. A difference of two numbers
that each have a wide interval can therefore be known well.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from job.arrays import FloatArray, IntArray
from job.evaluation.bootstrap import DayDraws, Interval, percentile_interval, sharpe_along_days
from job.evaluation.classification import log_losses
from job.evaluation.measure import ZERO_DEVIATION, Measure
from job.evaluation.returns import MIN_RETURNS
from job.intervals import YEAR_DAYS


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """A number with its 95 % interval; either may be undefined."""

    value: Measure
    interval: Interval

    @property
    def is_above_zero(self) -> bool:
        """Whether the whole interval is."""
        return self.interval.low is not None and self.interval.low > 0

    @property
    def is_below_zero(self) -> bool:
        """Whether the whole interval is."""
        return self.interval.high is not None and self.interval.high < 0


@dataclass(frozen=True, kw_only=True)
class Difference:
    """One account, and its forecasts, less another.

    Parameters
    ----------
    daily_return : of the mean daily returns, a fraction.
    sharpe_ratio : of the annual Sharpe ratios; an account that never moves counts as 0.
    log_loss : of the mean log-losses in nats, below 0 the first forecasts better; None where one has no forecasts.
    """

    daily_return: Estimate
    sharpe_ratio: Estimate
    log_loss: Estimate | None


def mean_difference(own: FloatArray, other: FloatArray, draws: DayDraws) -> Estimate:
    """Mean of ``own`` less mean of ``other``, daily returns float64 (n_days,) on the days of ``draws``."""
    lead = own - other
    return Estimate(value=Measure.of(lead.mean()), interval=percentile_interval(draws.means(lead), draws))


def sharpe_difference(own: FloatArray, other: FloatArray, draws: DayDraws) -> Estimate:
    """Annual Sharpe ratio of ``own`` less that of ``other``, daily returns float64 (n_days,); see below."""
    return sharpe_differences(own, [other], draws)[0]


def sharpe_differences(own: FloatArray, others: Sequence[FloatArray], draws: DayDraws) -> list[Estimate]:
    """Annual Sharpe ratio of ``own`` less that of each of ``others``, daily returns float64 (n_days,).

    Notes
    -----
    Returns without variance count as a ratio of 0, those of a redrawn history too. ``too_short`` for a single day.
    """
    if len(own) < MIN_RETURNS:
        nothing = Interval(low=None, high=None, reason="too_short")
        return [Estimate(value=Measure.undefined("too_short"), interval=nothing)] * len(others)
    accounts = np.stack([own, *others])
    found = sharpe_along_days(accounts, bars_per_year=float(YEAR_DAYS))
    drawn = _redrawn_sharpes(accounts, draws)
    return [
        Estimate(value=Measure.of(found[0] - sharpe), interval=percentile_interval(drawn[0] - histories, draws))
        for sharpe, histories in zip(found[1:], drawn[1:], strict=True)
    ]


def log_loss_difference(
    up: FloatArray, own: FloatArray, other: FloatArray, day_number: IntArray, draws: DayDraws
) -> Estimate:
    """Mean log-loss of ``own`` less that of ``other`` over the bars that have a label and both forecasts.

    Parameters
    ----------
    up : float64 (n_bars,), 1, 0, or NaN where there is no label.
    own, other : float64 (n_bars,), probability of up; NaN where there is no forecast.
    day_number : int64 (n_bars,), the day of each bar among the days of ``draws``.

    Notes
    -----
    A redrawn history is the sum of its days' losses over the sum of their bars: days with more labels weigh more.
    """
    is_known = np.isfinite(up) & np.isfinite(own) & np.isfinite(other)
    if not is_known.any():
        nothing = Interval(low=None, high=None, reason="too_short")
        return Estimate(value=Measure.undefined("too_short"), interval=nothing)
    label, day = up[is_known], day_number[is_known]
    lead = log_losses(label, own[is_known]) - log_losses(label, other[is_known])
    total = np.bincount(day, weights=lead, minlength=draws.num_days)
    count = np.bincount(day, minlength=draws.num_days).astype(np.float64)
    drawn_total, drawn_count = draws.means(np.stack([total, count]))
    drawn = np.divide(drawn_total, drawn_count, out=np.zeros_like(drawn_total), where=drawn_count > 0)
    return Estimate(value=Measure.of(lead.mean()), interval=percentile_interval(drawn, draws))


def _redrawn_sharpes(returns: FloatArray, draws: DayDraws) -> FloatArray:
    """`sharpe_along_days` of each redrawn history, (k, n_days) to (k, num_draws), from sums: none is laid out."""
    level = returns.mean(axis=1, keepdims=True)
    centred = returns - level  # so that the squares do not cancel
    mean, square = np.split(draws.means(np.concatenate([centred, np.square(centred)])), 2)
    variance = np.maximum(square - np.square(mean), 0) * draws.num_days / (draws.num_days - 1)
    deviation = np.sqrt(variance)
    daily = np.divide(mean + level, deviation, out=np.zeros_like(mean), where=deviation >= ZERO_DEVIATION)
    annual: FloatArray = daily * math.sqrt(YEAR_DAYS)
    return annual
