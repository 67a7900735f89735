"""What deflation must do to luck, as checks, and a probability of overfitting with a planted mistake.

Each check returns its evidence in a sentence, or raises `AssertionError` with it.
"""

import math
from collections.abc import Callable
from itertools import combinations
from typing import Protocol

import numpy as np
import scipy.stats

from job.arrays import FloatArray
from job.evaluation import sharpe
from job.evaluation.bootstrap import sharpe_along_days

NUM_DAYS = 147
NUM_STRATEGIES = 100
NUM_REPEATS = 200
NUM_SETS = 150
MAX_BELIEVED = 0.05


class Pbo(Protocol):
    """The signature of `job.evaluation.pbo.pbo`."""

    def __call__(self, returns: FloatArray, *, num_blocks: int) -> float: ...


def check_dsr_of_noise(*, num_repeats: int) -> str:
    """The best of a hundred strategies without skill is believed in at most one repeat of twenty."""
    believed = 0
    for seed in range(num_repeats):
        strategies = np.random.default_rng(seed).normal(0, 0.01, (NUM_STRATEGIES, NUM_DAYS))
        ratios = sharpe_along_days(strategies, bars_per_year=1.0)
        best = sharpe.dsr(strategies[ratios.argmax()], num_trials=NUM_STRATEGIES, trial_sharpes=ratios)
        believed += best.rank > sharpe.CONFIDENCE
    share = believed / num_repeats
    evidence = f"the best of {NUM_STRATEGIES} noise strategies was believed in {share:.1%} of {num_repeats} repeats"
    assert share <= MAX_BELIEVED, evidence
    return evidence


def check_dsr_of_fat_tails() -> str:
    """On skewed and fat-tailed days it is the published formula, with the full kurtosis, to 1e-9."""
    largest = 0.0
    for seed in range(20):
        rng = np.random.default_rng(seed)
        returns = 0.01 * (rng.standard_t(5, 200) ** 2 / 4 * rng.choice([-0.5, 1.0], 200))
        ratios = rng.normal(0, 0.1, 40)
        found = sharpe.dsr(returns, num_trials=40, trial_sharpes=ratios)
        assert found.value is not None, f"no value for series {seed}: {found.reason}"
        largest = max(largest, abs(found.value - _published_dsr(returns, ratios)))
    evidence = f"the largest difference from the published formula is {largest:.1g}"
    assert largest < 1e-9, evidence
    return evidence


def check_pbo_of_noise(pbo: Pbo) -> str:
    """Over many sets of twenty noise strategies the mean is one half, to .05."""
    values = [
        pbo(np.random.default_rng(seed).normal(0, 0.01, (20, NUM_DAYS)), num_blocks=8) for seed in range(NUM_SETS)
    ]
    evidence = f"{np.mean(values):.3f} on average over {NUM_SETS} sets of noise, deviation {np.std(values):.2f}"
    assert abs(np.mean(values) - 0.5) <= 0.05, evidence
    return evidence


def pbo_judged_inside(returns: FloatArray, *, num_blocks: int) -> float:
    """A planted mistake: the half that chose the winner judges it."""
    blocks = np.array_split(np.arange(returns.shape[1]), num_blocks)
    lost = []
    for chosen in combinations(range(num_blocks), num_blocks // 2):
        inside = np.concatenate([blocks[number] for number in chosen])
        ratios = sharpe_along_days(returns[:, inside], bars_per_year=1.0)
        lost.append((ratios < ratios.max()).sum() + 1 <= (len(returns) + 1) / 2)
    return float(np.mean(lost))


def _published_dsr(returns: FloatArray, ratios: FloatArray) -> float:
    """Bailey and López de Prado (2014), equations 1 and 2, with scipy's moments."""
    num_trials, gamma = len(ratios), 0.5772156649015329
    quantile: Callable[[float], float] = scipy.stats.norm.ppf
    highest = (1 - gamma) * quantile(1 - 1 / num_trials) + gamma * quantile(1 - 1 / (num_trials * math.e))
    ratio = returns.mean() / returns.std(ddof=1)
    spread = 1 - scipy.stats.skew(returns) * ratio + (scipy.stats.kurtosis(returns, fisher=False) - 1) / 4 * ratio**2
    lead = ratio - ratios.std(ddof=1) * highest
    return float(scipy.stats.norm.cdf(lead * math.sqrt(len(returns) - 1) / math.sqrt(spread)))
