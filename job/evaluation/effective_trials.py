"""How many independent trials a number of similar ones is worth.

Two settings of one model lose and win on the same days: the best of them is less lucky than the best of two
strangers. With a mean correlation of the trials' daily returns between 0 and 1 the effective number lies on the line
from all of them to one.

References
----------
Bailey and López de Prado (2014), "The Deflated Sharpe Ratio", appendix 3.
"""

import numpy as np

from job.arrays import FloatArray
from job.evaluation.measure import ZERO_DEVIATION

MIN_COMMON_DAYS = 30  # on fewer, a correlation is noise


def effective_trials(num_trials: int, returns: FloatArray) -> float:
    """Effective number of ``num_trials`` trials, from 1 to ``num_trials``.

    Parameters
    ----------
    num_trials : all trials, >= 1, those without a result included.
    returns : float64 (n_results, n_days), daily returns of the trials that have any; NaN on other days.

    Notes
    -----
    Mean correlation r over all pairs: r + (1 - r) N. A pair that cannot be compared (no result, fewer than 30 common
    days, no variance) counts as independent: similarity is never assumed. On common days no further trial can lower
    the number, and a negative mean does not raise it above N.
    """
    if not len(returns) <= num_trials or num_trials < 1:
        raise ValueError(f"{len(returns)} of {num_trials} trials have a result")
    if num_trials == 1:
        return 1.0
    known = np.triu(np.nan_to_num(pairwise_correlation(returns)), k=1)
    mean = max(0.0, float(known.sum()) / (num_trials * (num_trials - 1) / 2))
    return mean + (1 - mean) * num_trials


def pairwise_correlation(returns: FloatArray) -> FloatArray:
    """Correlation of each two rows over their common days, (n, n); NaN where it cannot be known.

    Parameters
    ----------
    returns : float64 (n, n_days), NaN where a row has no value.
    """
    is_known = np.isfinite(returns)
    present = is_known.astype(np.float64)
    num_own = np.maximum(present.sum(axis=1, keepdims=True), 1)
    # Centred once, so that the sums below do not cancel.
    value = np.where(is_known, returns, 0)
    value = np.where(is_known, value - value.sum(axis=1, keepdims=True) / num_own, 0)
    num_common = present @ present.T
    divisor = np.maximum(num_common, 1)
    total = value @ present.T  # [i, j]: sum of row i over the days that it has in common with j
    covariance = value @ value.T - total * total.T / divisor
    variance = np.square(value) @ present.T - np.square(total) / divisor
    scale = np.sqrt(np.maximum(variance * variance.T, 0))
    is_comparable = (num_common >= MIN_COMMON_DAYS) & (scale > num_common * ZERO_DEVIATION**2)
    correlation: FloatArray = np.divide(covariance, scale, out=np.full(scale.shape, np.nan), where=is_comparable)
    return np.clip(correlation, -1, 1)
