"""What the same days, or the same trades, in another order would have made of the account. Pure.

These redraw what happened, so they say how wide luck spreads it and how deep it might have fallen. They cannot say
whether it was found by searching: a result that was fitted to its days is as good in all of their orders.

References
----------
Politis and Romano (1994), "The Stationary Bootstrap".
"""

from dataclasses import dataclass

import numpy as np

from job.arrays import FloatArray
from job.evaluation.bootstrap import CELLS_AT_ONCE, MIN_DAYS, DayDraws
from job.evaluation.measure import Measure

FAN_LEVELS = (0.025, 0.25, 0.5, 0.75, 0.975)
DRAWDOWN_LEVELS = (0.01, 0.05, 0.25, 0.5)  # a drawdown is negative: 0.05 is as deep as one history in twenty


@dataclass(frozen=True, kw_only=True)
class Fan:
    """Redrawn accounts along the days.

    Parameters
    ----------
    levels : of the quantiles, k of them.
    equity : float64 (k, n_days + 1), each day's quantiles over the histories; every account starts with 1.
    probability_of_loss : share of the histories that end below 1.
    drawdown : float64, depth of the deepest fall of a daily curve by `DRAWDOWN_LEVELS`, fractions <= 0.
    """

    levels: tuple[float, ...]
    equity: FloatArray
    probability_of_loss: Measure
    drawdown: FloatArray


def redraw_days(daily: FloatArray, draws: DayDraws) -> Fan | None:
    """Accounts of the redrawn histories; None for fewer days than an interval needs.

    Parameters
    ----------
    daily : float64 (n_days,), returns, each >= -1.
    draws : the shared draws of these days.

    Notes
    -----
    Days that never vary are the same in every order: their loss is certain or impossible, and says nothing.
    """
    if draws.num_days < MIN_DAYS:
        return None
    num_draws, num_days = draws.index.shape
    level, high, deepest = np.ones((3, num_draws))
    quantiles = [np.ones((len(FAN_LEVELS), 1))]
    num_at_once = max(1, CELLS_AT_ONCE // num_draws)
    for start in range(0, num_days, num_at_once):  # a few days of all accounts, which go on from where they were
        growth = 1 + daily[draws.index[:, start : start + num_at_once].T]
        growth[0] *= level
        equity = np.cumprod(growth, axis=0)
        highs = np.maximum(np.maximum.accumulate(equity, axis=0), high)
        deepest = np.minimum(deepest, (equity / highs).min(axis=0))
        level, high = equity[-1], highs[-1]
        # What is sorted is parted at five levels in half the time, sorting included.
        quantiles.append(np.quantile(np.sort(equity, axis=1), FAN_LEVELS, axis=1))
    is_loss = level < 1
    return Fan(
        levels=FAN_LEVELS,
        equity=np.concatenate(quantiles, axis=1),
        probability_of_loss=Measure.of(is_loss.mean()) if np.ptp(daily) > 0 else Measure.undefined("zero_variance"),
        drawdown=np.quantile(deepest - 1, DRAWDOWN_LEVELS),
    )


def shuffle_trades(trade_returns: FloatArray, *, num_draws: int, rng: np.random.Generator) -> FloatArray | None:
    """Depth of the deepest fall by `DRAWDOWN_LEVELS`, in shuffled order; None without trades.

    Parameters
    ----------
    trade_returns : float64 (n_trades,), each trade's net gain as a fraction of the account that it was opened with.
    num_draws : orders that are tried.
    rng : source of all randomness.

    Notes
    -----
    Where the account ends does not depend on the order: a product has none. The falls are from close to close of
    trades, so less deep than those of bars.
    """
    if not len(trade_returns):
        return None
    rows = max(1, CELLS_AT_ONCE // len(trade_returns))
    parts = [min(rows, num_draws - start) for start in range(0, num_draws, rows)]
    falls = [deepest_falls(_shuffled_accounts(trade_returns, num_rows, rng)) for num_rows in parts]
    return np.quantile(np.concatenate(falls), DRAWDOWN_LEVELS)


def trade_returns_of(pnl: FloatArray, *, initial_equity: float) -> FloatArray:
    """Gain of each closed trade as a fraction of the account before it, float64 (n_trades,).

    Parameters
    ----------
    pnl : float64 (n_trades,), net of all costs, in order of time; one position at a time.
    initial_equity : of the account, > 0. Compounding the result from it gives what the trades' pnl add up to.
    """
    before = initial_equity + np.cumsum(pnl) - pnl
    return np.divide(pnl, before, out=np.zeros_like(pnl), where=before > 0)


def deepest_falls(equity: FloatArray) -> FloatArray:
    """Deepest fall of each account from an earlier high: float64 (n, m) to (n,), fractions <= 0."""
    falls: FloatArray = (equity / np.maximum.accumulate(equity, axis=1)).min(axis=1) - 1
    return falls


def _shuffled_accounts(trade_returns: FloatArray, num_rows: int, rng: np.random.Generator) -> FloatArray:
    table = np.tile(1 + trade_returns, (num_rows, 1))
    return _accounts(rng.permuted(table, axis=1, out=table))


def _accounts(growth: FloatArray) -> FloatArray:
    """Accounts that start with 1 and grow by these factors: (n, m) to (n, m + 1)."""
    return np.hstack([np.ones((len(growth), 1)), np.cumprod(growth, axis=1)])
