"""How far luck alone carries a number: the sampling errors that pictures and sentences state. Pure."""

import math
from statistics import NormalDist

from job.evaluation.bootstrap import CONFIDENCE
from job.intervals import YEAR_DAYS

STANDARD_ERRORS = NormalDist().inv_cdf((1 + CONFIDENCE) / 2)  # a 95 % interval reaches this many to each side
# A rank correlation varies a little more than Pearson's (Fieller, Hartley and Pearson, 1957).
RANK_VARIANCE = 1.06
# Of so few pairs every order can be counted: what at most one in twenty reaches. No order of four is so rare.
FEW_PAIRS = {4: math.inf, 5: 0.95, 6: 0.88}


def sharpe_standard_error(num_days: float) -> float:
    """Standard error of an annual Sharpe ratio over ``num_days`` days, for one near zero (Lo, 2002)."""
    return math.sqrt(YEAR_DAYS / num_days)


def is_beyond_luck(rank_correlation: float, num: int) -> bool:
    """Whether the 95 % interval of a rank correlation of ``num`` > 3 pairs excludes zero; False for NaN."""
    if num in FEW_PAIRS:
        return abs(rank_correlation) > FEW_PAIRS[num]
    if abs(rank_correlation) >= 1:  # Fisher's transform is infinite here
        return True
    return abs(math.atanh(rank_correlation)) > STANDARD_ERRORS * math.sqrt(RANK_VARIANCE / (num - 3))
