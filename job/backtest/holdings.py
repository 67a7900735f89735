"""From orders to the bars that each trade holds and the quoted prices at both its ends. Pure; knows no costs.

That costs are not known here is what keeps them from changing any decision.
"""

from dataclasses import dataclass, replace
from typing import Literal, Self, TypeAlias

import numpy as np
from numpy.typing import NDArray

from job.arrays import FloatArray, IntArray
from job.backtest.exits import ExitReason, Exits, planned_exits, resting_exits
from job.backtest.orders import Orders, signals
from job.data.klines import Klines

Market: TypeAlias = Literal["perp", "spot"]


@dataclass(frozen=True, kw_only=True)
class Holdings:
    """One element a trade, in order of time; no two overlap.

    Parameters
    ----------
    side : int8 (n_trades,), 1 or -1.
    size : float64 (n_trades,), notional of the entry in multiples of the account.
    entry_bar : int64 (n_trades,), bar at whose open it is filled.
    entry_price : float64 (n_trades,), quoted.
    exits : how each ends.
    """

    side: NDArray[np.int8]
    size: FloatArray
    entry_bar: IntArray
    entry_price: FloatArray
    exits: Exits

    def __len__(self) -> int:
        return len(self.side)

    def runs(self, num_bars: int) -> IntArray:
        """Which run each bar belongs to, int64 (num_bars,): 0 flat, 1 in the first trade, 2 flat again, 3, ..."""
        bounds = np.zeros(2 * len(self) + 2, dtype=np.int64)
        bounds[1:-1:2], bounds[2:-1:2], bounds[-1] = self.entry_bar, self.exits.bar, num_bars
        return np.repeat(np.arange(len(bounds) - 1), bounds[1:] - bounds[:-1])

    def first(self, count: int) -> Self:
        """The earliest ``count`` trades."""
        return replace(
            self,
            side=self.side[:count],
            size=self.size[:count],
            entry_bar=self.entry_bar[:count],
            entry_price=self.entry_price[:count],
            exits=self.exits.select(np.arange(count)),
        )

    def closed_at(self, bar: int, price: float) -> Self:
        """The trades up to the one held through ``bar``, which ends at its close."""
        kept = self.first(int(np.searchsorted(self.entry_bar, bar, side="right")))
        kept.exits.bar[-1], kept.exits.price[-1] = bar + 1, price
        kept.exits.is_inside[-1], kept.exits.reason[-1] = True, ExitReason.END
        return kept


def hold(klines: Klines, orders: Orders, *, market: Market) -> Holdings:
    """Fill every signal at the open after the close that began it, and find where its trade ends.

    Raises
    ------
    ValueError
        If there is not one order a bar, or the market is neither.
    """
    if len(klines) < 1 or len(orders) != len(klines):
        raise ValueError(f"target has {len(orders)} elements, but there are {len(klines)} bars")
    wanted = orders.fillable_side
    if market == "spot":
        wanted = np.maximum(wanted, 0)
    elif market != "perp":
        raise ValueError(f"market must be 'perp' or 'spot', got {market!r}")
    sessions = orders.stretches
    wanted = wanted.copy()
    wanted[sessions.last_bar] = 0  # the last order of a stretch has no next open to be filled at
    begun, ended = signals(wanted, sessions)
    side, entry_bar, terms = wanted[begun], begun + 1, orders.terms
    exits = planned_exits(klines, sessions, entry_bar=entry_bar, signal_end=ended + 1, max_hold=orders.max_hold)
    if terms.have_exits:
        exits = resting_exits(
            klines, exits, side=side, entry_bar=entry_bar, stop=terms.stop[begun], take=terms.take[begun]
        )
    return Holdings(
        side=side, size=terms.size[begun], entry_bar=entry_bar, entry_price=klines.open[entry_bar], exits=exits
    )
