"""What a training row is worth: how much of its label is its own, and how long ago it was. Pure.

The label of bar t and that of bar t+1 describe nearly the same stretch of prices. A label that shares its life with
eleven others tells a twelfth of a piece of news, and counts as much in the vote and in the loss. And markets change:
what happened last week is more like tomorrow than what happened last month.

Method: average uniqueness, Lopez de Prado, Advances in Financial Machine Learning, 4.4, from the labels' own
intervals; decay of weights by time as in 4.7 there, but exponential, so that it does not depend on where data begin.
"""

import numpy as np

from job.arrays import FloatArray, IntArray
from job.intervals import DAY_MS

# The oldest day of the default window of thirty days counts half as much as the newest. That costs 4 % of the sample
# ((mean w)^2 / mean w^2 = 0.96); a week would cost 39 %, and independent labels are what is scarce.
HALF_LIFE_DAYS = 30.0


def sample_weights(start_ms: IntArray, end_ms: IntArray, *, half_life_days: float = HALF_LIFE_DAYS) -> FloatArray:
    """Uniqueness times recency of each label, scaled to a mean of 1, so that a loss keeps its size.

    Parameters
    ----------
    start_ms, end_ms : int64 (n,), of the labels' intervals; see `average_uniqueness`.
    half_life_days : of `recency`, > 0; infinite for none.

    Returns
    -------
    float64 (n,), > 0.
    """
    if not len(start_ms):
        return np.empty(0)
    weight = average_uniqueness(start_ms, end_ms) * recency(end_ms, half_life_days=half_life_days)
    scaled: FloatArray = weight / weight.mean()
    return scaled


def balanced(up: FloatArray, weights: FloatArray) -> FloatArray:
    """The weights of rows, changed so that both labels count the same together; mean 1.

    Parameters
    ----------
    up : float64 (n,), labels, 0 or 1, both of which occur.
    weights : float64 (n,), > 0.
    """
    share = float(np.average(up, weights=weights))
    evened = weights * np.where(up == 1, 0.5 / share, 0.5 / (1 - share))
    scaled: FloatArray = evened / evened.mean()
    return scaled


def average_uniqueness(start_ms: IntArray, end_ms: IntArray) -> FloatArray:
    """How much of each label is its own, float64 (n,), in (0, 1].

    A label lives on the half-open interval [start, end). Its uniqueness at a moment is one over the number of labels
    that live then, and its average uniqueness is the mean of that over its life: 1 for labels that never overlap,
    1/h for labels of h bars on consecutive bars, but for the edges.

    Parameters
    ----------
    start_ms, end_ms : int64 (n,), in any order of rows; every end lies after its start.

    Raises
    ------
    ValueError
        Where an end does not lie after its start.
    """
    if (end_ms <= start_ms).any():
        raise ValueError("a label does not end after it starts")
    moments = np.unique(np.concatenate([start_ms, end_ms]))
    started = np.searchsorted(np.sort(start_ms), moments[:-1], side="right")
    ended = np.searchsorted(np.sort(end_ms), moments[:-1], side="right")
    living = started - ended
    share = np.divide(np.diff(moments), living, out=np.zeros(len(living)), where=living > 0)
    shared_until = np.concatenate([[0.0], np.cumsum(share)])
    first, last = np.searchsorted(moments, start_ms), np.searchsorted(moments, end_ms)
    uniqueness: FloatArray = (shared_until[last] - shared_until[first]) / (end_ms - start_ms)
    return uniqueness


def recency(known_ms: IntArray, *, half_life_days: float = HALF_LIFE_DAYS) -> FloatArray:
    """Halves with every half-life before the newest label was known, float64 (n,), in (0, 1].

    Parameters
    ----------
    known_ms : int64 (n,), when each label became known.
    half_life_days : > 0; infinite for weights that are all 1.

    Raises
    ------
    ValueError
        For a half-life that is not above 0.
    """
    if not half_life_days > 0:
        raise ValueError(f"a half-life must be above 0 days, got {half_life_days}")
    if not len(known_ms):
        return np.empty(0)
    age_days = (known_ms.max() - known_ms) / DAY_MS
    weight: FloatArray = 0.5 ** (age_days / half_life_days)
    return weight
