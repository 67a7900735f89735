"""How many independent labels a training set holds, and whether that is enough. Pure.

The label of bar t and that of bar t+1 describe nearly the same stretch of prices, so thousands of rows can hold a few
dozen pieces of news. Method: average uniqueness, see `job.sample_weights`.
"""

import math
import statistics
from collections.abc import Sequence

from job.arrays import IntArray
from job.sample_weights import average_uniqueness

# A hit rate measured on so many independent labels is known to 5 points (one standard error): edges of markets are
# smaller still, so with fewer there is nothing to learn from, whatever learns.
LEAST_LABELS = 100
# The vote learns a scale and a weight for each feature: fewer labels than learned numbers leave some of them to luck.
NUMBERS_A_FEATURE = 2
# What is suggested holds twice the least, since at the least there is hardly more than luck; in whole months.
SUGGESTED_TIMES = 2
SUGGESTED_STEP_DAYS = 30


def effective_rows(start_ms: IntArray, end_ms: IntArray) -> float:
    """Rows divided by their labels' mean overlap: the sum of the labels' average uniqueness.

    Labels of one length h bars on consecutive bars count, but for the edges, as one row in h.

    Parameters
    ----------
    start_ms, end_ms : int64 (n,), as `average_uniqueness` takes them.

    Returns
    -------
    float
        Between 0, for no rows, and n, for labels that never overlap.
    """
    return float(average_uniqueness(start_ms, end_ms).sum()) if len(start_ms) else 0.0


def labels_needed(num_features: int) -> int:
    """The fewest independent labels that training is not warned about."""
    return max(LEAST_LABELS, NUMBERS_A_FEATURE * num_features)


def sample_warning(
    effective: Sequence[float], *, num_features: int, num_days: int, flag: str, flag_days: int
) -> str | None:
    """A sentence where training spans hold too few independent labels, or None.

    Parameters
    ----------
    effective : `effective_rows` of each span; the median speaks for all.
    num_features : that are learned from.
    num_days : of a training span.
    flag, flag_days : the setting that makes them more, and what it is now.
    """
    typical, needed = statistics.median(effective), labels_needed(num_features)
    if typical >= needed:
        return None
    days = flag_days * SUGGESTED_TIMES * needed / max(typical, 1.0)
    suggested = math.ceil(days / SUGGESTED_STEP_DAYS) * SUGGESTED_STEP_DAYS
    return (
        f"A training span of {num_days} days holds about {typical:.0f} independent labels, and {num_features} features "
        f"need at least {needed}: do not expect much to be learned. Use {flag} {suggested}, or shorter bars."
    )
