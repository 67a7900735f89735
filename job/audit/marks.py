"""What an account must be worth at every close, made again bar by bar from what it says it holds. Pure.

The engine multiplies whole trades; here each bar adds what its position gains, and nothing is multiplied.
"""

import numpy as np

from job.arrays import FloatArray
from job.backtest.account import Backtest
from job.backtest.costs import Costs
from job.backtest.exits import ExitReason
from job.backtest.market_bars import MarketBars
from job.data.klines import Klines


def marked_equity(account: Backtest, klines: Klines, costs: Costs) -> FloatArray:
    """Equity at each close, float64 (n_bars,): position times price change times quantity, less costs and funding.

    Parameters
    ----------
    account : whose positions, quantities and fills are believed; its equity, but for the first, is not.
    klines : the bars that it traded.
    costs : of one side.

    Notes
    -----
    NaN at the last close of a trade that ended at a stop-loss or take-profit: whether within that bar or at the open
    after it, a trade does not say. What funding it still owes then is settled with its exit.
    """
    trades, last = account.trades, len(klines) - 1
    held = np.flatnonzero(account.position)
    trade = np.searchsorted(trades.entry_bar, held, side="right") - 1
    is_entry = held == trades.entry_bar[trade]
    amount = account.position[held] * trades.quantity[trade]
    before = np.where(is_entry, trades.entry_price[trade], klines.close[held - 1])
    rate = klines.funding[held] if isinstance(klines, MarketBars) else np.zeros(len(held))
    paid = np.where(is_entry, 0.0, amount * klines.open[held] * rate)
    owed = trades.funding - np.bincount(trade, weights=paid, minlength=len(trades))
    at_exit = trades.side * trades.quantity * (trades.exit_price - klines.close[trades.exit_bar - 1])
    exit_bar = np.where(trades.reason == ExitReason.END, trades.exit_bar - 1, np.minimum(trades.exit_bar, last))
    gained = np.zeros(len(klines))
    np.add.at(gained, held, amount * (klines.close[held] - before) - paid)
    np.add.at(gained, trades.entry_bar, -costs.fee * trades.entry_notional)
    np.add.at(gained, exit_bar, at_exit - costs.fee * trades.exit_notional - owed)
    equity: FloatArray = account.equity[0] + np.cumsum(gained)
    is_resting = (trades.reason == ExitReason.STOP) | (trades.reason == ExitReason.TAKE_PROFIT)
    equity[trades.exit_bar[is_resting] - 1] = np.nan
    return equity
