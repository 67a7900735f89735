"""Where an account may be after so many days, were it as its tests were: a band that whole histories stay within. Pure.

The tests themselves are a sample: a model that is known from 147 days is not known well. So each expected history is
redrawn from a redrawn test, the first drawing for what the tests do not tell of the model, the second for the luck of
the days to come. The band holds 95 % of these histories on every one of their days: whoever looks each day is hardly
more often alarmed than one who looks once.

References
----------
Politis and Romano (1994), "The Stationary Bootstrap"; Beran (1990), "Calibrating Prediction Regions", for redrawing
both; Davison and Hinkley (1997), "Bootstrap Methods and their Application", 4.2.4, for envelopes by overall rank.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from job.arrays import FloatArray
from job.evaluation.bootstrap import CONFIDENCE, MIN_BLOCK_DAYS, MIN_DAYS, draw_indices, optimal_block_days

NUM_HISTORIES = 2_000


@dataclass(frozen=True, kw_only=True)
class ExpectedBand:
    """Accounts at the end of each of ``n`` days, float64 (n,) each; all began with 1."""

    low: FloatArray
    median: FloatArray
    high: FloatArray


def expected_band(tested: FloatArray, num_days: int, *, rng: np.random.Generator) -> ExpectedBand | None:
    """The band of the first ``num_days`` days; None where fewer than 60 days were tested, or there is no day yet.

    Parameters
    ----------
    tested : float64 (n_tested,), daily returns of the tests, each >= -1.
    num_days : of the account that is held against it.
    rng : source of all randomness.
    """
    if len(tested) < MIN_DAYS or num_days < 1:
        return None
    accounts = _histories(tested, num_days, rng)
    level = _level(accounts)
    bounds: FloatArray = np.quantile(accounts, [level, 0.5, 1 - level], axis=0)
    return ExpectedBand(low=bounds[0], median=bounds[1], high=bounds[2])


def _histories(tested: FloatArray, num_days: int, rng: np.random.Generator) -> FloatArray:
    """Accounts of redrawn histories, float64 (`NUM_HISTORIES`, num_days)."""
    num_tested, block_days = len(tested), max(MIN_BLOCK_DAYS, optimal_block_days(tested))

    def redrawn() -> NDArray[np.int32]:
        return draw_indices(num_tested, block_length=block_days, num_draws=NUM_HISTORIES, rng=rng)

    of_model = redrawn()
    of_luck = np.hstack([redrawn() for _ in range(-(-num_days // num_tested))])[:, :num_days]
    growth: FloatArray = 1 + tested[np.take_along_axis(of_model, of_luck, axis=1)]
    return growth.cumprod(axis=1)


def _level(accounts: FloatArray) -> float:
    """The quantile, from either end, that so many whole histories never cross.

    A history is as extreme as its most extreme day: the share of histories that are farther out on that day.
    """
    rank = np.argsort(np.argsort(accounts, axis=0, kind="stable"), axis=0, kind="stable")
    from_end = np.minimum(rank, len(accounts) - 1 - rank).min(axis=1)
    return float(np.quantile(from_end, 1 - CONFIDENCE) / (len(accounts) - 1))
