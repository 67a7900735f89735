"""Measures of an equity curve and of its returns.

Curves are ``equity`` float64 (n + 1,) with the initial equity E_0 first, net of all costs, >= 0. A year has
``bars_per_year`` returns (365 for daily ones), which is never assumed. NaN or infinity in an input is a
``ValueError``; what a curve cannot answer is a `Measure` with its reason.

References
----------
Lo (2002), "The Statistics of Sharpe Ratios": why the headline ratios use daily returns.
Sortino and Price (1994): the downside deviation is taken over all returns, not over the losing ones.
"""

import math
from typing import Literal

import numpy as np

from job.arrays import BoolArray, FloatArray
from job.backtest.account import simple_returns
from job.evaluation.measure import ZERO_DEVIATION, Measure
from job.intervals import YEAR_DAYS

MIN_DAYS_TO_COMPOUND = 90  # compounding a few lucky hours to a year gives numbers like 1e16
MIN_RETURNS = 2


def total_return(equity: FloatArray) -> Measure:
    """Return on investment E_n / E_0 - 1, a fraction; -1 is ruin."""
    equity = _checked_equity(equity)
    return Measure.of(equity[-1] / equity[0] - 1)


def annual_return_kind(num_returns: int, *, bars_per_year: float) -> Literal["cagr", "arithmetic"]:
    """How `annual_return` turns this many returns into a year."""
    num_days = num_returns / bars_per_year * YEAR_DAYS
    return "cagr" if num_days >= MIN_DAYS_TO_COMPOUND else "arithmetic"


def annual_return(equity: FloatArray, *, bars_per_year: float) -> Measure:
    """Return per year: compounded for a span of 90 days or more, else the mean return times a year's bars."""
    equity = _checked_equity(equity)
    num_returns = len(equity) - 1
    if num_returns == 0:
        return Measure.undefined("too_short")
    if annual_return_kind(num_returns, bars_per_year=bars_per_year) == "arithmetic":
        return Measure.of(simple_returns(equity).mean() * bars_per_year)
    return Measure.of((equity[-1] / equity[0]) ** (bars_per_year / num_returns) - 1)


def max_drawdown(equity: FloatArray) -> Measure:
    """Deepest fall from an earlier high, E_0 included, as a fraction <= 0; 0 if it never fell."""
    equity = _checked_equity(equity)
    return Measure.of((equity / np.maximum.accumulate(equity)).min() - 1)


def sharpe_ratio(returns: FloatArray, *, bars_per_year: float) -> Measure:
    """Mean return over its standard deviation (ddof 1), per year; the risk-free rate is 0.

    Parameters
    ----------
    returns : float64 (n,), fractions.
    bars_per_year : number of such returns in a year.
    """
    returns = _checked_returns(returns)
    if len(returns) < MIN_RETURNS:
        return Measure.undefined("too_short")
    deviation = returns.std(ddof=1)
    if deviation < ZERO_DEVIATION:
        return Measure.undefined("zero_variance")
    return Measure.of(returns.mean() / deviation * math.sqrt(bars_per_year))


def sortino_ratio(returns: FloatArray, *, bars_per_year: float) -> Measure:
    """Mean return over the root mean square of the losses, all returns in the mean, per year."""
    returns = _checked_returns(returns)
    if len(returns) < MIN_RETURNS:
        return Measure.undefined("too_short")
    downside = math.sqrt(np.square(np.minimum(returns, 0)).mean())
    if downside < ZERO_DEVIATION:
        return Measure.undefined("no_losses")
    return Measure.of(returns.mean() / downside * math.sqrt(bars_per_year))


def calmar_ratio(equity: FloatArray, *, bars_per_year: float) -> Measure:
    """Annual return over the depth of the deepest drawdown, per year."""
    return return_over_drawdown(annual_return(equity, bars_per_year=bars_per_year), max_drawdown(equity))


def return_over_drawdown(yearly: Measure, drawdown: Measure) -> Measure:
    """`calmar_ratio` of an annual return and a drawdown that are known."""
    if yearly.value is None or drawdown.value is None:
        return yearly
    if abs(drawdown.value) < ZERO_DEVIATION:
        return Measure.undefined("no_drawdown")
    return Measure.of(yearly.value / abs(drawdown.value))


def recovery_factor(equity: FloatArray) -> Measure:
    """Net profit over the deepest drawdown, both in quote currency; negative for a loss."""
    equity = _checked_equity(equity)
    depth = (np.maximum.accumulate(equity) - equity).max()
    if depth < ZERO_DEVIATION * equity[0]:
        return Measure.undefined("no_drawdown")
    return Measure.of((equity[-1] - equity[0]) / depth)


def percent_profitable(returns: FloatArray, in_market: BoolArray) -> Measure:
    """Share of the periods in the market that gained: of bars, or of days. Not the win rate of trades.

    Parameters
    ----------
    returns : float64 (n,), fractions.
    in_market : bool (n,), was a position held in the period?
    """
    inside = _checked_returns(returns)[np.asarray(in_market, dtype=np.bool_)]
    if len(inside) == 0:
        return Measure.undefined("no_trades")
    return Measure.of((inside > 0).mean())


def _checked_equity(equity: FloatArray) -> FloatArray:
    equity = np.asarray(equity, dtype=np.float64)
    if equity.ndim != 1 or len(equity) == 0:
        raise ValueError(f"equity must be a row of at least one number, got shape {equity.shape}")
    if not np.isfinite(equity).all() or equity[0] <= 0 or (equity < 0).any():
        raise ValueError("equity must be finite, start above 0 and never fall below 0")
    return equity


def _checked_returns(returns: FloatArray) -> FloatArray:
    returns = np.asarray(returns, dtype=np.float64)
    if returns.ndim != 1 or not np.isfinite(returns).all():
        raise ValueError("returns must be a row of finite numbers")
    return returns
