"""Whether the best of several models beats a benchmark by more than luck.

Hansen's test of superior predictive ability, in its consistent form, on daily returns and the shared draws
of days.

References
----------
Hansen (2005), "A Test for Superior Predictive Ability".
Berger (1982), "Multiparameter Hypothesis Testing and Acceptance Sampling": the intersection-union test.
"""

import math

import numpy as np

from job.arrays import FloatArray
from job.evaluation.bootstrap import MIN_DAYS, DayDraws
from job.evaluation.measure import ZERO_DEVIATION, Measure


def spa_p_value(models: FloatArray, benchmark: FloatArray, draws: DayDraws) -> Measure:
    """Chance of so good a best model if none were better than the benchmark.

    Parameters
    ----------
    models : float64 (n_models, n_days), daily returns; more is better.
    benchmark : float64 (n_days,), daily returns on the same days.
    draws : the shared draws of these days.

    Returns
    -------
    Measure
        ``too_short`` for fewer than 60 days. 1 if no model is ahead. Never 0: the observed history counts
        as one of the draws.

    Notes
    -----
    A model whose lead never varies cannot be tested and is left out, so equal returns give 1.
    """
    lead = np.atleast_2d(models) - benchmark
    if lead.shape[1] != draws.num_days or not np.isfinite(lead).all():
        raise ValueError(f"returns must be finite and cover the {draws.num_days} days of the draws")
    if draws.num_days < MIN_DAYS:
        return Measure.undefined("too_short")
    lead = lead[lead.std(axis=1) >= ZERO_DEVIATION]
    mean = lead.mean(axis=1)
    if not (mean > 0).any():
        return Measure.of(1.0)
    deviation = _deviation_of_mean(lead, block_days=draws.block_days)
    # Models far behind are not recentred: they cannot be the best, and must not widen the null.
    is_contender = mean >= -deviation * math.sqrt(2 * math.log(math.log(draws.num_days)))
    centre = np.where(is_contender, mean, 0)
    best = (mean / deviation).max()
    simulated = ((draws.means(lead) - centre[:, np.newaxis]) / deviation[:, np.newaxis]).max(axis=0)
    num_as_good = int((simulated > best).sum())
    return Measure.of((1 + num_as_good) / (1 + len(simulated)))


def no_skill_p_value(model: FloatArray, rules: FloatArray, draws: DayDraws) -> Measure:
    """Is one model better than *every* rule? The largest of its p-values against each of them.

    Parameters
    ----------
    model : float64 (n_days,), daily returns.
    rules : float64 (n_rules, n_days), daily returns of rules without skill on the same days.

    Notes
    -----
    Against all at once the test would only say that the model beats the worst of them, which a rule that
    trades at every bar makes easy.
    """
    against = [spa_p_value(model, rule, draws) for rule in np.atleast_2d(rules)]
    return max(against, key=lambda p: p.rank)


def _deviation_of_mean(lead: FloatArray, *, block_days: float) -> FloatArray:
    """Standard deviation of each row's mean under the stationary bootstrap, exactly: (n_models,)."""
    num_days = lead.shape[1]
    centred = lead - lead.mean(axis=1, keepdims=True)
    lag = np.arange(1, num_days)
    stays = 1 - 1 / block_days
    weight = (1 - lag / num_days) * stays**lag + lag / num_days * stays ** (num_days - lag)
    covariance = np.array([np.correlate(row, row, mode="full")[num_days - 1 :] for row in centred]) / num_days
    variance = covariance[:, 0] + 2 * covariance[:, 1:] @ weight
    deviation: FloatArray = np.sqrt(variance / num_days)
    return deviation
