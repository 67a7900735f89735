"""Is a window's drift unusual? Judged by the windows before it, since any two stretches of days differ somewhat. Pure.

References
----------
Vovk, Gammerman and Shafer (2005), "Algorithmic Learning in a Random World": ranks among exchangeable values.
"""

from collections.abc import Sequence

import numpy as np

from job.evaluation.measure import Measure

MIN_HISTORY = 5  # fewer windows before it say nothing of what is usual
UNUSUAL = 0.95
MIN_TO_JUDGE = 20  # with fewer windows before it, no percentile can lie above that


def percentiles_of_history(values: Sequence[float | None]) -> tuple[Measure, ...]:
    """Of each value, the share of those before it that are lower, the value itself counted as one that is not.

    Parameters
    ----------
    values : in order of time; those that do not exist (None) are ``too_short``, and no history.

    Notes
    -----
    Without drift every order of the values is as likely, and a percentile above 0.95 comes up in at most one window
    of twenty: with fewer than twenty windows before it, never, see `num_judged`.
    """
    found, history = [], np.empty(0)
    for value in values:
        if value is None:
            found.append(Measure.undefined("too_short"))
            continue
        if len(history) < MIN_HISTORY:
            found.append(Measure.undefined("too_few_windows"))
        else:
            found.append(Measure.of((history < value).sum() / (len(history) + 1)))
        history = np.append(history, value)
    return tuple(found)


def is_unusual(percentile: float | None) -> bool:
    """Whether a percentile calls for a warning."""
    return percentile is not None and percentile > UNUSUAL


def num_judged(values: Sequence[float | None]) -> int:
    """How many of the values, in order of time, have the history that it takes to be called unusual."""
    num_known = sum(value is not None for value in values)
    return max(0, num_known - MIN_TO_JUDGE)
