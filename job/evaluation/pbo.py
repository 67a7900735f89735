"""How often the trial that is best on half of the days is below the middle of all on the other half.

The probability of backtest overfitting by combinatorially symmetric cross-validation: the days are cut into blocks,
every half of the blocks chooses a winner, and the other half judges it. Over a few months it is a weak instrument:
pure noise gives 0.5 on average, but a single set of noise anything from 0.1 to 0.9, so nothing is decided by it alone.

References
----------
Bailey, Borwein, López de Prado and Zhu (2017), "The Probability of Backtest Overfitting".
"""

from dataclasses import dataclass
from itertools import combinations

import numpy as np

from job.arrays import FloatArray
from job.evaluation.bootstrap import sharpe_along_days
from job.evaluation.measure import Measure

MIN_TRIALS = 10
MAX_BLOCKS, MIN_BLOCKS = 8, 4
MIN_BLOCK_DAYS = 5
# A trial that was tested on less than half of the days would leave too few days for all the others.
MIN_SHARE_OF_DAYS = 0.5


@dataclass(frozen=True, kw_only=True)
class Overfitting:
    """The probability, and what it was taken from.

    Parameters
    ----------
    probability : ``too_few_trials`` for fewer than ten, ``too_short`` for fewer than twenty common days.
    num_trials : trials that cover at least half of the days.
    num_days : days that all of these have in common.
    num_blocks : of the days; eight, or fewer where a block would be shorter than five days.
    """

    probability: Measure
    num_trials: int
    num_days: int
    num_blocks: int


def backtest_overfitting(returns: FloatArray) -> Overfitting:
    """PBO of the trials that can be compared.

    Parameters
    ----------
    returns : float64 (n_trials, n_days), daily returns; NaN on days that a trial does not have.
    """
    is_known = np.isfinite(returns)
    covers = is_known.mean(axis=1) >= MIN_SHARE_OF_DAYS if returns.size else np.zeros(len(returns), np.bool_)
    common = returns[covers][:, is_known[covers].all(axis=0)]
    num_trials, num_days = common.shape if covers.any() else (0, 0)
    num_blocks = min(MAX_BLOCKS, num_days // MIN_BLOCK_DAYS // 2 * 2)
    if num_trials < MIN_TRIALS:
        probability = Measure.undefined("too_few_trials")
    elif num_blocks < MIN_BLOCKS:
        probability = Measure.undefined("too_short")
    else:
        probability = Measure.of(pbo(common, num_blocks=num_blocks))
    return Overfitting(probability=probability, num_trials=num_trials, num_days=num_days, num_blocks=num_blocks)


def pbo(returns: FloatArray, *, num_blocks: int) -> float:
    """Share of the halvings whose winner ranks in the lower half outside: logit of rank / (N + 1) at most 0.

    Parameters
    ----------
    returns : float64 (n_trials, n_days), finite; trials are judged by their Sharpe ratio.
    num_blocks : even; blocks differ by a day at most.

    Notes
    -----
    Of equal winners the first counts; among equals outside, the winner takes the middle rank.
    """
    if num_blocks % 2 or not np.isfinite(returns).all():
        raise ValueError("pbo needs an even number of blocks and finite returns")
    blocks = np.array_split(np.arange(returns.shape[1]), num_blocks)
    num_lost, num_halvings = 0, 0
    for chosen in combinations(range(num_blocks), num_blocks // 2):
        is_inside = np.zeros(returns.shape[1], dtype=np.bool_)
        is_inside[np.concatenate([blocks[number] for number in chosen])] = True
        inside = sharpe_along_days(returns[:, is_inside], bars_per_year=1.0)
        outside = sharpe_along_days(returns[:, ~is_inside], bars_per_year=1.0)
        of_winner = outside[int(np.argmax(inside))]
        rank = (outside < of_winner).sum() + ((outside == of_winner).sum() + 1) / 2
        num_lost += rank <= (len(returns) + 1) / 2  # where the logit of rank / (N + 1) is at most 0
        num_halvings += 1
    return num_lost / num_halvings
