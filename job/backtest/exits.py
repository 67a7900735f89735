"""How trades end: with their signal, after so many bars, or at an order that rests in the market. Pure, costs aside.

Stop-loss and take-profit rest from the fill on and are tested within every bar held, that of the entry included.
What a bar opens beyond has come first and is filled at the open: worse than asked for a stop-loss, better for a
take-profit. Otherwise the level is the fill; where one bar reaches both, which came first is not in the data, and the
stop-loss is taken. Both are measured from the quoted open of the entry, not from the fill with slippage, so that
costs never change which bars a trade holds.
"""

from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from job.arrays import BoolArray, FloatArray, IntArray
from job.backtest.sessions import Sessions
from job.data.klines import Klines


class ExitReason(IntEnum):
    """Why a trade ended; the stored codes."""

    SIGNAL = 0  # another side, or none, was asked for
    STOP = 1
    TAKE_PROFIT = 2
    TIME = 3
    END = 4  # the account ended: at its last close, or in ruin


@dataclass(frozen=True, kw_only=True)
class Exits:
    """One exit a trade.

    Parameters
    ----------
    bar : int64 (n_trades,), one past the last bar held.
    price : float64 (n_trades,), quoted, before slippage.
    is_inside : bool (n_trades,), closed within the last bar held or at its close; otherwise at the open of ``bar``.
    reason : int8 (n_trades,), `ExitReason`.
    """

    bar: IntArray
    price: FloatArray
    is_inside: BoolArray
    reason: NDArray[np.int8]

    def select(self, rows: IntArray) -> "Exits":
        """A copy of the exits of some trades."""
        return Exits(
            bar=self.bar[rows], price=self.price[rows], is_inside=self.is_inside[rows], reason=self.reason[rows]
        )


def planned_exits(
    klines: Klines, sessions: Sessions, *, entry_bar: IntArray, signal_end: IntArray, max_hold: int | None
) -> Exits:
    """Where trades end if nothing is met on the way.

    Parameters
    ----------
    entry_bar : int64 (n_trades,), bar at whose open each trade is filled.
    signal_end : int64 (n_trades,), first bar through which its signal no longer asks for it; n where none.
    max_hold : bars, or None.
    """
    bar, reason = signal_end, np.full(len(signal_end), ExitReason.SIGNAL, dtype=np.int8)
    is_last = sessions.is_end[bar]
    if max_hold is not None:
        is_timed = entry_bar + max_hold < signal_end
        bar = np.where(is_timed, entry_bar + max_hold, bar)
        reason[is_timed] = ExitReason.TIME
        is_last &= ~is_timed
    reason[is_last] = ExitReason.END
    price = klines.open[np.minimum(bar, len(klines) - 1)]
    price[is_last] = klines.close[bar[is_last] - 1]
    return Exits(bar=bar, price=price, is_inside=is_last, reason=reason)


def resting_exits(
    klines: Klines, planned: Exits, *, side: NDArray[np.int8], entry_bar: IntArray, stop: FloatArray, take: FloatArray
) -> Exits:
    """The planned exits, earlier where a trade meets its stop-loss or take-profit first.

    Parameters
    ----------
    side, entry_bar, stop, take : (n_trades,), distances as in `Orders`.
    """
    entry = klines.open[entry_bar]
    stop_price, take_price = entry * (1 - side * stop), entry * (1 + side * take)
    trade, bar = _bars_held(entry_bar, planned.bar)
    is_long = side[trade] > 0
    worst = np.where(is_long, klines.low[bar], klines.high[bar])
    best = np.where(is_long, klines.high[bar], klines.low[bar])
    meets_stop = side[trade] * (worst - stop_price[trade]) <= 0
    meets_take = side[trade] * (best - take_price[trade]) >= 0
    met = np.flatnonzero(meets_stop | meets_take)
    ended, first = np.unique(trade[met], return_index=True)
    first = met[first]
    at, opened, sign = bar[first], klines.open[bar[first]], side[ended]
    # The open of the entry is the fill itself, and no distance is so small that it would lie beyond a level.
    is_later = at > entry_bar[ended]
    opens_at_stop = is_later & (sign * (opened - stop_price[ended]) <= 0)
    opens_at_take = is_later & (sign * (opened - take_price[ended]) >= 0)
    is_take = opens_at_take | ~meets_stop[first]
    is_gap = opens_at_stop | opens_at_take
    level = np.where(is_take, take_price[ended], stop_price[ended])
    exits = planned.select(np.arange(len(side)))
    exits.bar[ended] = np.where(is_gap, at, at + 1)
    exits.price[ended] = np.where(is_gap, opened, level)
    exits.is_inside[ended] = ~is_gap
    exits.reason[ended] = np.where(is_take, ExitReason.TAKE_PROFIT, ExitReason.STOP)
    return exits


def _bars_held(entry_bar: IntArray, exit_bar: IntArray) -> tuple[IntArray, IntArray]:
    """Every bar that any trade holds, in order, with the trade's number: (n_held,) each."""
    num_held = exit_bar - entry_bar
    trade = np.repeat(np.arange(len(entry_bar)), num_held)
    offset = entry_bar - (np.cumsum(num_held) - num_held)
    return trade, np.arange(len(trade)) + offset[trade]
