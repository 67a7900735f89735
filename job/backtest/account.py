"""What a backtest leaves behind: the equity curve, the position held in every bar, and the closed trades.

Plain arrays, so that a window's account can be stored as it is and many of them joined into one
(`job.backtest.stitch`). Knows nothing of how a position was decided or filled.
"""

from dataclasses import dataclass, fields, replace
from typing import Self

import numpy as np
from numpy.typing import NDArray

from job.arrays import BoolArray, FloatArray, IntArray


@dataclass(frozen=True, kw_only=True)
class Trades:
    """Closed trades in order of their time, one array element a trade.

    Parameters
    ----------
    side : int8 (n_trades,), 1 long, -1 short.
    entry_bar : int64 (n_trades,), the bar at whose open the trade was filled.
    exit_bar : int64 (n_trades,), the bar at whose open it was closed; one past the last bar held, also
        where it was closed within that bar (a stop-loss, a take-profit) or at its close (the end of the account,
        or ruin).
    quantity : float64 (n_trades,), base currency, > 0, constant while the trade is open.
    entry_price, exit_price : float64 (n_trades,), fills with slippage, quote currency.
    fees : float64 (n_trades,), both sides, quote currency.
    funding : float64 (n_trades,), paid while it was open, quote currency; negative where received.
    reason : int8 (n_trades,), why it ended, `job.backtest.exits.ExitReason`.
    pnl : float64 (n_trades,), net of all costs, quote currency; never below minus the equity at entry.
    """

    side: NDArray[np.int8]
    entry_bar: IntArray
    exit_bar: IntArray
    quantity: FloatArray
    entry_price: FloatArray
    exit_price: FloatArray
    fees: FloatArray
    funding: FloatArray
    reason: NDArray[np.int8]
    pnl: FloatArray

    def __len__(self) -> int:
        return len(self.side)

    @property
    def num_bars(self) -> IntArray:
        """Number of bars each trade was held."""
        return self.exit_bar - self.entry_bar

    @property
    def entry_notional(self) -> FloatArray:
        """Size of each entry fill in quote currency."""
        return self.quantity * self.entry_price

    @property
    def exit_notional(self) -> FloatArray:
        """Size of each exit fill in quote currency."""
        return self.quantity * self.exit_price

    def moved(self, *, num_bars: int, scale: FloatArray | float) -> Self:
        """The same trades ``num_bars`` later in an account ``scale`` times as large, (n_trades,) or one for all."""
        return replace(
            self,
            entry_bar=self.entry_bar + num_bars,
            exit_bar=self.exit_bar + num_bars,
            quantity=self.quantity * scale,
            fees=self.fees * scale,
            funding=self.funding * scale,
            pnl=self.pnl * scale,
        )

    def first(self, count: int) -> Self:
        """The earliest ``count`` trades."""
        return type(self)(**{f.name: getattr(self, f.name)[:count] for f in fields(self)})


@dataclass(frozen=True, kw_only=True)
class Backtest:
    """The account over ``n`` bars, net of all costs.

    Parameters
    ----------
    open_time : int64 (n,), milliseconds UTC.
    equity : float64 (n + 1,), quote currency: the initial equity E_0, then the mark at each bar's close.
        The first bar is always flat, because the first decision falls at its close. 0 from ruin on.
    position : int8 (n,), 1, 0 or -1: held through the bar, or until it was closed within it.
    trades : the closed trades; their pnl adds up to ``equity[-1] - equity[0]``.
    """

    open_time: IntArray
    equity: FloatArray
    position: NDArray[np.int8]
    trades: Trades

    def __len__(self) -> int:
        return len(self.open_time)

    @property
    def bar_returns(self) -> FloatArray:
        """Float64 (n,): return of every bar."""
        return simple_returns(self.equity)

    @property
    def in_market(self) -> BoolArray:
        """Bool (n,): bars through which a position was held."""
        return np.not_equal(self.position, 0)


def simple_returns(equity: FloatArray) -> FloatArray:
    """Returns E_t / E_{t-1} - 1, float64 (n,); -1 in the moment of ruin and 0 after it.

    Parameters
    ----------
    equity : float64 (n + 1,), >= 0.
    """
    before = equity[:-1]
    change = np.diff(equity)
    return np.divide(change, before, out=np.zeros_like(change), where=before > 0)
