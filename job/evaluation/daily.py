"""An equity curve cut into UTC days, the unit of every interval, test and headline ratio."""

from dataclasses import dataclass

import numpy as np

from job.arrays import BoolArray, FloatArray, IntArray
from job.backtest.account import Backtest, simple_returns
from job.intervals import DAY_MS


@dataclass(frozen=True, kw_only=True)
class DailyReturns:
    """Returns of the UTC days that hold at least one bar.

    Parameters
    ----------
    day : int64 (n_days,), start of each UTC day in milliseconds, ascending; days without a bar are absent.
    value : float64 (n_days,), fractions. The first and last day may be partial.
    in_market : bool (n_days,), was a position held in any bar of the day?
    """

    day: IntArray
    value: FloatArray
    in_market: BoolArray

    def __len__(self) -> int:
        return len(self.day)


def utc_daily_returns(backtest: Backtest) -> DailyReturns:
    """Daily returns of an account, from each day's last close to the next day's.

    The bar that opens at 23:55 closes at midnight and belongs to the day it opened in. The first day starts
    from the initial equity, so compounding all days gives the total return.
    """
    bar_day = backtest.open_time - backtest.open_time % DAY_MS
    is_last = np.append(bar_day[1:] != bar_day[:-1], True)
    is_first = np.append(True, is_last[:-1])
    equity = np.append(backtest.equity[:1], backtest.equity[1:][is_last])
    return DailyReturns(
        day=bar_day[is_last],
        value=simple_returns(equity),
        in_market=np.logical_or.reduceat(backtest.in_market, np.flatnonzero(is_first)),
    )
