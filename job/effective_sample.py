"""How many independent labels a training set holds, and whether that is enough. Pure.

The label of bar t and that of bar t+1 describe nearly the same stretch of prices, so thousands of rows can hold a few
dozen pieces of news. Method: average uniqueness, Lopez de Prado, Advances in Financial Machine Learning, 4.4, from
the labels' own intervals.
"""

import math
import statistics
from collections.abc import Sequence

import numpy as np

from job.arrays import IntArray

# A hit rate measured on so many independent labels is known to 5 points (one standard error): edges of markets are
# smaller still, so with fewer there is nothing to learn from, whatever learns.
LEAST_LABELS = 100
# The vote learns a scale and a weight for each feature: fewer labels than learned numbers leave some of them to luck.
NUMBERS_A_FEATURE = 2
# What is suggested holds twice the least, since at the least there is hardly more than luck; in whole months.
SUGGESTED_TIMES = 2
SUGGESTED_STEP_DAYS = 30


def effective_rows(decision_ms: IntArray, label_end_ms: IntArray) -> float:
    """Rows divided by their labels' mean overlap: the sum of the labels' average uniqueness.

    A label lives on the half-open interval [decision, end). Its uniqueness at a moment is one over the number of
    labels that live then, and its average uniqueness is the mean of that over its life. Labels of one length h
    bars on consecutive bars count, but for the edges, as one row in h.

    Parameters
    ----------
    decision_ms, label_end_ms : int64 (n,), of rows that have a label; every end lies after its decision.

    Returns
    -------
    float
        Between 0, for no rows, and n, for labels that never overlap.
    """
    if not len(decision_ms):
        return 0.0
    moments = np.unique(np.concatenate([decision_ms, label_end_ms]))
    started = np.searchsorted(np.sort(decision_ms), moments[:-1], side="right")
    ended = np.searchsorted(np.sort(label_end_ms), moments[:-1], side="right")
    living = started - ended
    share = np.divide(np.diff(moments), living, out=np.zeros(len(living)), where=living > 0)
    shared_until = np.concatenate([[0.0], np.cumsum(share)])
    first, last = np.searchsorted(moments, decision_ms), np.searchsorted(moments, label_end_ms)
    return float(((shared_until[last] - shared_until[first]) / (label_end_ms - decision_ms)).sum())


def labels_needed(num_features: int) -> int:
    """The fewest independent labels that training is not warned about."""
    return max(LEAST_LABELS, NUMBERS_A_FEATURE * num_features)


def sample_warning(effective: Sequence[float], *, num_features: int, num_days: int, flag: str) -> str | None:
    """A sentence where training spans hold too few independent labels, or None.

    Parameters
    ----------
    effective : `effective_rows` of each span; the median speaks for all.
    num_features : that are learned from.
    num_days : of training data.
    flag : the setting that makes them more.
    """
    typical, needed = statistics.median(effective), labels_needed(num_features)
    if typical >= needed:
        return None
    days = num_days * SUGGESTED_TIMES * needed / max(typical, 1.0)
    suggested = math.ceil(days / SUGGESTED_STEP_DAYS) * SUGGESTED_STEP_DAYS
    return (
        f"A training span of {num_days} days holds about {typical:.0f} independent labels, and {num_features} features "
        f"need at least {needed}: do not expect much to be learned. Use {flag} {suggested}, or shorter bars."
    )
