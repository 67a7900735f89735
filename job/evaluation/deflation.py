"""What the number of trials leaves of a result: their effective number, the deflated Sharpe ratio, and the PBO."""

import math
from dataclasses import dataclass

import numpy as np

from job.arrays import FloatArray
from job.evaluation.effective_trials import effective_trials
from job.evaluation.measure import Measure
from job.evaluation.pbo import Overfitting, backtest_overfitting
from job.evaluation.returns import sharpe_ratio
from job.evaluation.sharpe import MIN_DAYS, deflated_benchmark, dsr
from job.intervals import YEAR_DAYS


@dataclass(frozen=True, kw_only=True)
class Deflation:
    """A result among the trials that it was picked from.

    Parameters
    ----------
    num_trials : all that have read a test overlapping this one, >= 1.
    effective_trials : independent trials that these are worth.
    dsr : deflated Sharpe ratio for the effective number.
    dsr_of_all_trials : the same as if all were independent; never above ``dsr``.
    luck_sharpe : annual Sharpe ratio that the best of the effective number would be expected to show without skill.
    overfitting : of the trials that have a result.
    """

    num_trials: int
    effective_trials: float
    dsr: Measure
    dsr_of_all_trials: Measure
    luck_sharpe: Measure
    overfitting: Overfitting


def deflate(returns: FloatArray, trial_returns: FloatArray, *, num_trials: int) -> Deflation:
    """Deflate daily returns for the trials.

    Parameters
    ----------
    returns : float64 (n_days,), of the result itself.
    trial_returns : float64 (n_results, n_days), of the trials that have any on these days; NaN where one has none.
    num_trials : all, those without a result and the result itself included.
    """
    sharpes = _daily_sharpes(trial_returns)
    effective = effective_trials(num_trials, trial_returns)
    return Deflation(
        num_trials=num_trials,
        effective_trials=effective,
        dsr=dsr(returns, num_trials=effective, trial_sharpes=sharpes),
        dsr_of_all_trials=dsr(returns, num_trials=num_trials, trial_sharpes=sharpes),
        luck_sharpe=_luck_sharpe(len(returns), num_trials=effective, trial_sharpes=sharpes),
        overfitting=backtest_overfitting(trial_returns),
    )


def _luck_sharpe(num_days: int, *, num_trials: float, trial_sharpes: FloatArray) -> Measure:
    if num_days < MIN_DAYS:
        return Measure.undefined("too_short")
    daily = deflated_benchmark(num_days=num_days, num_trials=num_trials, trial_sharpes=trial_sharpes)
    return Measure.of(daily * math.sqrt(YEAR_DAYS))


def _daily_sharpes(trial_returns: FloatArray) -> FloatArray:
    """Of the trials with enough days for a ratio that is not noise; one that never traded has none, and is no 0."""
    known = (row[np.isfinite(row)] for row in trial_returns)
    ratios = (sharpe_ratio(row, bars_per_year=1.0).value for row in known if len(row) >= MIN_DAYS)
    return np.array([ratio for ratio in ratios if ratio is not None])
