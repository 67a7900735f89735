"""From target positions to an account: decided at a close, filled at the next open, after costs.

The position decided at the close of bar t is filled at the open of bar t + 1, worse by the slippage. Its
quantity is equity / fill price and stays constant until the target changes; the fee is charged on the
notional of each fill; the account is marked at every close. What is open at the end is closed at the last
close, with costs, so that no trade reaches past the bars given. An account that falls to zero or below is
ruined: it stops at a return of -1. Prices between open and close are not looked at.

Because the quantity is constant, a whole trade multiplies the equity by a number that its own two prices
fix, so the curve is a cumulative product over trades and the work grows with arrays, never with a loop.
"""

from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from job.arrays import FloatArray, IntArray
from job.backtest.account import Backtest, Trades
from job.backtest.costs import Costs
from job.data.klines import Klines

Market: TypeAlias = Literal["perp", "spot"]


@dataclass(frozen=True, kw_only=True)
class _Holdings:
    """Unbroken spans of one position: (n_trades,) each, but the last two fields (n_bars,)."""

    side: NDArray[np.int8]
    entry_bar: IntArray
    exit_bar: IntArray
    entry_price: FloatArray
    exit_price: FloatArray
    growth: FloatArray  # equity after the trade / before it
    num_started: IntArray  # trades begun by each bar's open
    mark: FloatArray  # equity at each close / before the trade; 1 where flat


def run_backtest(klines: Klines, target: ArrayLike, *, costs: Costs, initial_equity: float, market: Market) -> Backtest:
    """Replay ``target`` over ``klines``.

    Parameters
    ----------
    klines : n >= 1 bars; only open, close and open_time are used.
    target : (n,), -1, 0 or 1: the position wanted from the close of each bar on. The last one is never filled.
    costs : of one side.
    initial_equity : E_0 in quote currency, > 0.
    market : "perp" is long, short or flat; "spot" cannot be short, a short target means flat.

    Returns
    -------
    Backtest
        Row t uses targets decided before bar t opened.

    Raises
    ------
    ValueError
        If a target is none of the three, shapes differ, there is no bar, a price is not finite and above zero,
        or E_0 is not.
    """
    position = _held_positions(target, num_bars=len(klines), market=market)
    # One more fill than bars: after the last bar, "the next open" is its own close.
    fill_price = np.append(klines.open, klines.close[-1:])
    if not np.isfinite(initial_equity) or initial_equity <= 0:
        raise ValueError(f"initial_equity must be finite and above 0, got {initial_equity}")
    if not (np.isfinite(fill_price) & (fill_price > 0)).all() or not np.isfinite(klines.close).all():
        raise ValueError("open and close must be finite and above 0")
    holdings = _hold(position, fill_price, klines.close, costs)
    if (holdings.growth <= 0).any() or (holdings.mark <= 0).any():
        _stop_at_ruin(position, fill_price, klines.close, holdings)
        holdings = _hold(position, fill_price, klines.close, costs)
    return _settle(holdings, position, klines.open_time, costs, initial_equity)


def _held_positions(target: ArrayLike, *, num_bars: int, market: Market) -> NDArray[np.int8]:
    """Position held through each bar: the target of the bar before."""
    wanted = np.asarray(target)
    if num_bars < 1 or wanted.shape != (num_bars,):
        raise ValueError(f"target has shape {wanted.shape}, but there are {num_bars} bars")
    if not ((wanted == 0) | (wanted == 1) | (wanted == -1)).all():
        raise ValueError("a target is not -1, 0 or 1")
    if market == "spot":
        wanted = np.maximum(wanted, 0)
    elif market != "perp":
        raise ValueError(f"market must be 'perp' or 'spot', got {market!r}")
    position = np.zeros(num_bars, dtype=np.int8)
    position[1:] = wanted[:-1]
    return position


def _hold(position: NDArray[np.int8], fill_price: FloatArray, close: FloatArray, costs: Costs) -> _Holdings:
    """Price every span of one position, in multiples of the equity it began with."""
    is_held = position != 0
    changes = np.diff(position, prepend=np.int8(0), append=np.int8(0)) != 0
    starts = changes[:-1] & is_held
    entry_bar = np.flatnonzero(starts)
    exit_bar = np.flatnonzero(changes[1:] & is_held) + 1
    side = position[entry_bar]
    entry_price = fill_price[entry_bar] * (1 + side * costs.slippage)
    exit_price = fill_price[exit_bar] * (1 - side * costs.slippage)
    ratio = exit_price / entry_price
    num_started = np.cumsum(starts)
    mark = np.ones(len(position))
    trade = num_started[is_held] - 1
    mark[is_held] = 1 - costs.fee + side[trade] * (close[is_held] / entry_price[trade] - 1)
    return _Holdings(
        side=side,
        entry_bar=entry_bar,
        exit_bar=exit_bar,
        entry_price=entry_price,
        exit_price=exit_price,
        growth=1 - costs.fee + side * (ratio - 1) - costs.fee * ratio,
        num_started=num_started,
        mark=mark,
    )


def _stop_at_ruin(position: NDArray[np.int8], fill_price: FloatArray, close: FloatArray, holdings: _Holdings) -> None:
    """Flatten ``position`` after the first moment at which nothing is left, in place."""
    never = len(position) + 1
    broke_at_close = int(np.argmax(holdings.mark <= 0)) + 1 if (holdings.mark <= 0).any() else never
    exits = holdings.exit_bar[holdings.growth <= 0]
    broke_at_exit = int(exits[0]) if len(exits) else never
    if broke_at_close <= broke_at_exit:
        fill_price[broke_at_close] = close[broke_at_close - 1]
    position[min(broke_at_close, broke_at_exit) :] = 0


def _settle(
    holdings: _Holdings,
    position: NDArray[np.int8],
    open_time: IntArray,
    costs: Costs,
    initial_equity: float,
) -> Backtest:
    """Turn multiples into money."""
    levels = initial_equity * np.cumprod(np.append(1.0, np.maximum(holdings.growth, 0)))
    is_held = position != 0
    equity = levels[holdings.num_started - is_held] * np.maximum(holdings.mark, 0)
    if is_held[-1]:
        equity[-1] = levels[-1]
    quantity = levels[:-1] / holdings.entry_price
    fees = costs.fee * quantity * (holdings.entry_price + holdings.exit_price)
    pnl = holdings.side * quantity * (holdings.exit_price - holdings.entry_price) - fees
    trades = Trades(
        side=holdings.side,
        entry_bar=holdings.entry_bar,
        exit_bar=holdings.exit_bar,
        quantity=quantity,
        entry_price=holdings.entry_price,
        exit_price=holdings.exit_price,
        fees=fees,
        pnl=np.maximum(pnl, -levels[:-1]),
    )
    equity = np.append(initial_equity, equity)
    return Backtest(open_time=open_time, equity=equity, position=position, trades=trades)
