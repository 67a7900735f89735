"""What luck alone would have made: signals at random with the number, length, side and size of an account's trades.

Each draw moves the account's own trades to random bars of the window they were made in, in random order, none
overlapping another, and pays the same fees, slippage and funding. An account that is no better than most of these
owes its result to how much it traded and in which direction, not to when.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from job.arrays import FloatArray, IntArray
from job.backtest.account import Backtest, Trades
from job.backtest.costs import Costs
from job.backtest.market_bars import MarketBars
from job.evaluation.bootstrap import sharpe_along_days
from job.evaluation.measure import Measure
from job.evaluation.returns import MIN_RETURNS
from job.intervals import DAY_MS, YEAR_DAYS

NUM_DRAWS = 200


@dataclass(frozen=True, kw_only=True)
class RandomSignals:
    """The drawn accounts.

    Parameters
    ----------
    day : int64 (n_days,), start of each UTC day with a bar, in milliseconds.
    daily_returns : float64 (num_draws, n_days).
    num_trades : of each account.
    """

    day: IntArray
    daily_returns: FloatArray
    num_trades: int

    @property
    def total_return(self) -> FloatArray:
        """Float64 (num_draws,)."""
        total: FloatArray = np.prod(1 + self.daily_returns, axis=1) - 1
        return total

    @property
    def median_daily_returns(self) -> FloatArray:
        """Daily returns of the account whose total return is the (upper) median: a rule without skill."""
        order = np.argsort(self.total_return, kind="stable")
        median: FloatArray = self.daily_returns[order[len(order) // 2]]
        return median

    @property
    def median_return(self) -> Measure:
        """Median of the total returns."""
        return self._of_trades(np.median(self.total_return))

    @property
    def median_sharpe(self) -> Measure:
        """Median of the annual Sharpe ratios."""
        if self.num_trades and len(self.day) < MIN_RETURNS:
            return Measure.undefined("too_short")
        return self._of_trades(np.median(sharpe_along_days(self.daily_returns, bars_per_year=float(YEAR_DAYS))))

    def share_below(self, total_return: float) -> Measure:
        """Share of the accounts that made less."""
        return self._of_trades((self.total_return < total_return).mean())

    def _of_trades(self, value: np.floating) -> Measure:
        return Measure.of(float(value)) if self.num_trades else Measure.undefined("no_trades")


def draw_random_signals(
    windows: Sequence[MarketBars],
    account: Backtest,
    *,
    costs: Costs,
    rng: np.random.Generator,
    num_draws: int = NUM_DRAWS,
) -> RandomSignals:
    """Draw accounts that trade as ``account`` did, at other times.

    Parameters
    ----------
    windows : the test slices, in time order, with what longs pay in each bar.
    account : stitched over exactly these bars.
    costs : of one side.
    rng : source of all randomness.
    """
    level = np.ones((num_draws, 1))
    size = _sizes(account)
    first_bar, curves, days = 0, [], []
    for klines in windows:
        is_own = (account.trades.entry_bar >= first_bar) & (account.trades.entry_bar < first_bar + len(klines))
        trades = _Shape.of(account.trades, size, is_own)
        curve = level * _curve(klines, trades.place(len(klines), rng, num_draws), costs)
        level = curve[:, -1:]
        curves.append(curve)
        days.append(klines.open_time[_day_ends(klines)] // DAY_MS * DAY_MS)
        first_bar += len(klines)
    day = np.concatenate(days)
    is_last = np.append(day[1:] != day[:-1], True)  # windows may meet within a day
    equity = np.concatenate([np.ones((num_draws, 1)), np.concatenate(curves, axis=1)[:, is_last]], axis=1)
    return RandomSignals(day=day[is_last], daily_returns=_returns(equity), num_trades=len(account.trades))


@dataclass(frozen=True, kw_only=True)
class _Placed:
    """Trades of each draw in order of time, (num_draws, n_trades) each; ``exit_bar`` is one past the last bar held."""

    entry_bar: IntArray
    exit_bar: IntArray
    side: IntArray
    size: FloatArray


@dataclass(frozen=True, kw_only=True)
class _Shape:
    """What is kept of a window's trades, (n_trades,) each."""

    num_bars: IntArray
    side: IntArray
    size: FloatArray

    @classmethod
    def of(cls, trades: Trades, size: FloatArray, is_own: NDArray[np.bool_]) -> "_Shape":
        return cls(num_bars=trades.num_bars[is_own], side=trades.side[is_own].astype(np.int64), size=size[is_own])

    def place(self, num_bars: int, rng: np.random.Generator, num_draws: int) -> _Placed:
        """Shuffle the trades, and spread the bars without one between them; the first bar is always flat."""
        num_trades = len(self.num_bars)
        order = rng.permuted(np.tile(np.arange(num_trades), (num_draws, 1)), axis=1)
        length = self.num_bars[order]
        num_free = num_bars - 1 - int(self.num_bars.sum())
        wait = np.sort(rng.integers(0, num_free, size=(num_draws, num_trades), endpoint=True), axis=1)
        exit_bar = 1 + wait + np.cumsum(length, axis=1)
        return _Placed(entry_bar=exit_bar - length, exit_bar=exit_bar, side=self.side[order], size=self.size[order])


def _curve(klines: MarketBars, trades: _Placed, costs: Costs) -> FloatArray:
    """Equity at the last close of each UTC day, in multiples of the window's start, (num_draws, n_days)."""
    fill = np.append(klines.open, klines.close[-1:])  # after the last bar, "the next open" is its own close
    flow = np.cumsum(klines.funding * klines.open)
    last_bar = len(klines) - 1
    entry = fill[trades.entry_bar] * (1 + trades.side * costs.slippage)
    before_entry = flow[trades.entry_bar]

    def worth(price: FloatArray | float, paid: FloatArray | float) -> FloatArray:
        """Equity over that before the trade, with the entry's fee and funding paid, and before the exit's fee."""
        move = trades.side * (price - entry - (paid - before_entry)) / entry
        held: FloatArray = 1 + trades.size * (move - costs.fee)
        return held

    leave = fill[trades.exit_bar] * (1 - trades.side * costs.slippage)
    growth = worth(leave, flow[np.minimum(trades.exit_bar, last_bar)]) - trades.size * costs.fee * leave / entry
    num_draws, num_trades = growth.shape
    before = np.cumprod(np.concatenate([np.ones((num_draws, 1)), np.maximum(growth, 0)], axis=1), axis=1)
    curve = np.empty((num_draws, len(_day_ends(klines))))
    for number, bar in enumerate(_day_ends(klines)):
        last_exit = bar + 1 if bar == last_bar else bar
        num_closed = (trades.exit_bar <= last_exit).sum(axis=1, keepdims=True)
        curve[:, number] = np.take_along_axis(before, num_closed, axis=1)[:, 0]
        if num_trades:
            is_open = (trades.entry_bar <= bar) & (trades.exit_bar > last_exit)
            mark = np.where(is_open, np.maximum(worth(klines.close[bar], flow[bar]), 0), 1.0)
            curve[:, number] *= np.take_along_axis(mark, np.minimum(num_closed, num_trades - 1), axis=1)[:, 0]
    return curve


def _sizes(account: Backtest) -> FloatArray:
    """Notional of each trade over the equity that it began with, float64 (n_trades,)."""
    before = account.equity[0] + np.cumsum(account.trades.pnl) - account.trades.pnl
    notional = account.trades.entry_notional
    sizes: FloatArray = np.divide(notional, before, out=np.zeros_like(notional), where=before > 0)
    return sizes


def _day_ends(klines: MarketBars) -> IntArray:
    """Number of the last bar of each UTC day."""
    day = klines.open_time // DAY_MS
    return np.flatnonzero(np.append(day[1:] != day[:-1], True))


def _returns(equity: FloatArray) -> FloatArray:
    """Along the last axis; 0 after ruin."""
    before = equity[:, :-1]
    change = np.diff(equity, axis=1)
    returns: FloatArray = np.divide(change, before, out=np.zeros_like(change), where=before > 0)
    return returns
