"""Measures of closed trades and of the account that made them.

``pnl`` is float64 (n_trades,), net of all costs, quote currency, in order of closing.
Break-even trades (pnl of 0) count as trades, but neither as wins nor as losses.
"""

import numpy as np

from job.arrays import FloatArray
from job.backtest.account import Backtest, Trades
from job.backtest.costs import BPS
from job.evaluation.measure import Measure


def win_rate(pnl: FloatArray) -> Measure:
    """Share of trades that earned more than they cost."""
    pnl = _checked(pnl)
    return Measure.of((pnl > 0).mean()) if len(pnl) else Measure.undefined("no_trades")


def profit_factor(pnl: FloatArray) -> Measure:
    """Sum of all wins over the sum of all losses."""
    pnl = _checked(pnl)
    if len(pnl) == 0:
        return Measure.undefined("no_trades")
    if not (pnl < 0).any():
        return Measure.undefined("no_losses")
    return Measure.of(pnl[pnl > 0].sum() / -pnl[pnl < 0].sum())


def expected_value(pnl: FloatArray) -> Measure:
    """Mean pnl of a trade, quote currency."""
    pnl = _checked(pnl)
    return Measure.of(pnl.mean()) if len(pnl) else Measure.undefined("no_trades")


def expected_value_bps(trades: Trades) -> Measure:
    """Mean pnl of a trade in basis points of its entry notional."""
    return expected_value(_checked(trades.pnl) / trades.entry_notional / BPS)


def risk_reward_ratio(pnl: FloatArray) -> Measure:
    """Mean win over mean loss, as realised."""
    pnl = _checked(pnl)
    wins, losses = pnl[pnl > 0], pnl[pnl < 0]
    if len(pnl) == 0:
        return Measure.undefined("no_trades")
    if len(losses) == 0:
        return Measure.undefined("no_losses")
    if len(wins) == 0:
        return Measure.undefined("no_wins")
    return Measure.of(wins.mean() / -losses.mean())


def planned_rr(*, stop: float | None, take: float | None) -> Measure:
    """Distance of the take-profit over that of the stop-loss, as planned before the first trade.

    Parameters
    ----------
    stop, take : distances from the entry in any one unit; None where none is set.
    """
    if stop is None:
        return Measure.undefined("no_stop")
    if take is None:
        return Measure.undefined("no_target")
    return Measure.of(take / stop)


def max_consecutive_losses(pnl: FloatArray) -> int:
    """Longest run of losing trades; a break-even trade ends a run."""
    is_loss = np.concatenate([[False], _checked(pnl) < 0, [False]])
    edges = np.flatnonzero(np.diff(is_loss))
    return int((edges[1::2] - edges[::2]).max(initial=0))


def avg_hold_bars(trades: Trades) -> Measure:
    """Mean number of bars a trade was held."""
    return Measure.of(trades.num_bars.mean()) if len(trades) else Measure.undefined("no_trades")


def exposure(backtest: Backtest) -> float:
    """Share of bars in which a position was held, 0 to 1."""
    return float(backtest.in_market.mean())


def turnover(backtest: Backtest) -> float:
    """Notional bought and sold over the whole span, in multiples of the mean equity."""
    traded = backtest.trades.entry_notional.sum() + backtest.trades.exit_notional.sum()
    return float(traded / backtest.equity.mean())


def _checked(values: FloatArray) -> FloatArray:
    values = np.asarray(values, dtype=np.float64)
    if values.ndim != 1 or not np.isfinite(values).all():
        raise ValueError("pnl and returns must be rows of finite numbers")
    return values
