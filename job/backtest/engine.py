"""From orders to an account: decided at a close, filled at the next open, after costs and funding.

The order decided at the close of bar t is filled at the open of bar t + 1, worse by the slippage. Its quantity is
size * equity / fill price and stays constant until the trade ends (`job.backtest.exits`); the fee is charged on the
notional of each fill, and every fill slips, a take-profit's too, although it is a limit order: a touch of its level
need not have filled it. The account is marked at every close. What is open at the end is closed at the last close,
with costs, so that no trade reaches past the bars given. An account that falls to zero or below at a close or an exit
is ruined: it stops at a return of -1.

Because the quantity is constant, a whole trade multiplies the equity by a number that its own prices fix, so the
curve is a cumulative product over trades and the work grows with arrays, never with a loop.
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike

from job.arrays import FloatArray, IntArray
from job.backtest.account import Backtest, Trades
from job.backtest.costs import Costs
from job.backtest.holdings import Holdings, Market, hold
from job.backtest.orders import Orders
from job.backtest.sessions import Sessions, running
from job.data.klines import Klines


@dataclass(frozen=True, kw_only=True)
class _Worth:
    """What trades do to the equity that they began with: (n_trades,) each, but the last two fields (n_bars,)."""

    entry_price: FloatArray  # with slippage, as is the next
    exit_price: FloatArray
    funding: FloatArray  # paid for one unit of the base currency
    growth: FloatArray  # equity after the trade / before it
    run: IntArray  # of trades and what lies between them, see `Holdings.runs`
    mark: FloatArray  # equity at each close / before the trade; 1 where nothing is held at it


def run_backtest(klines: Klines, target: ArrayLike, *, costs: Costs, initial_equity: float, market: Market) -> Backtest:
    """Replay ``target``, (n,) of -1, 0 or 1, with the whole account and no exits but its own; see `run_orders`."""
    orders = Orders.whole_account(target, num_bars=len(klines))
    return run_orders(klines, orders, costs=costs, initial_equity=initial_equity, market=market)


def run_orders(
    klines: Klines,
    orders: Orders,
    *,
    costs: Costs,
    initial_equity: float,
    market: Market,
    funding: FloatArray | None = None,
) -> Backtest:
    """Replay ``orders`` over ``klines``.

    Parameters
    ----------
    klines : n >= 1 bars; volumes are not used, highs and lows only where orders rest in the market.
    orders : one a bar. The last one is never filled, and no trade reaches past the end of its stretch.
    costs : of one side.
    initial_equity : E_0 in quote currency, > 0.
    market : "perp" is long, short or flat; "spot" cannot be short, a short order means flat.
    funding : float64 (n,), what longs pay in each bar, see `job.backtest.funding`; None for none.

    Returns
    -------
    Backtest
        Row t uses orders decided before bar t opened.

    Raises
    ------
    ValueError
        If shapes differ, there is no bar, a price is not finite and above zero, or E_0 is not.
    """
    if not np.isfinite(initial_equity) or initial_equity <= 0:
        raise ValueError(f"initial_equity must be finite and above 0, got {initial_equity}")
    holdings = hold(klines, orders, market=market)
    is_priced = np.isfinite(klines.open) & (klines.open > 0) & np.isfinite(klines.close)
    if not is_priced.all() or klines.close[-1] <= 0:
        raise ValueError("open and close must be finite and above 0")
    sessions = orders.stretches
    worth = _value(holdings, klines, sessions, costs, funding)
    if (worth.growth <= 0).any() or (worth.mark <= 0).any():
        holdings = _until_ruin(holdings, worth, klines)
        worth = _value(holdings, klines, sessions, costs, funding)
    account = _settle(holdings, worth, klines, sessions, costs=costs, initial_equity=initial_equity)
    return account if len(sessions) == 1 else _compounded(account, sessions)


def _value(holdings: Holdings, klines: Klines, sessions: Sessions, costs: Costs, funding: FloatArray | None) -> _Worth:
    """Price every trade, in multiples of the equity it began with."""
    side, size, exits = holdings.side, holdings.size, holdings.exits
    entry_price = holdings.entry_price * (1 + side * costs.slippage)
    exit_price = exits.price * (1 - side * costs.slippage)
    ratio = exit_price / entry_price
    fee, weight = size * costs.fee, size * side
    run = holdings.runs(len(klines))
    is_marked = (run & 1) == 1
    is_marked[exits.bar[exits.is_inside] - 1] = False
    trade = run[is_marked] >> 1
    growth = 1 - fee + weight * (ratio - 1) - fee * ratio
    marked = 1 - fee[trade] + weight[trade] * (klines.close[is_marked] / entry_price[trade] - 1)
    paid = np.zeros(len(side))
    if funding is not None:
        flow = running(np.add, funding * klines.open, sessions.bounds)
        before = flow[holdings.entry_bar]
        paid = side * (flow[exits.bar - exits.is_inside] - before)
        growth = growth - size * paid / entry_price
        marked = marked - weight[trade] * (flow[is_marked] - before[trade]) / entry_price[trade]
    mark = np.ones(len(klines))
    mark[is_marked] = marked
    return _Worth(entry_price=entry_price, exit_price=exit_price, funding=paid, growth=growth, run=run, mark=mark)


def _until_ruin(holdings: Holdings, worth: _Worth, klines: Klines) -> Holdings:
    """The trades up to the first moment at which nothing is left."""
    never = len(klines) + 1
    broke_at_close = int(np.argmax(worth.mark <= 0)) + 1 if (worth.mark <= 0).any() else never
    is_lost = worth.growth <= 0
    broke_at_exit = int(holdings.exits.bar[is_lost][0]) if is_lost.any() else never
    if broke_at_close <= broke_at_exit:
        return holdings.closed_at(broke_at_close - 1, float(klines.close[broke_at_close - 1]))
    return holdings.first(int(np.argmax(is_lost)) + 1)


def _settle(
    holdings: Holdings, worth: _Worth, klines: Klines, sessions: Sessions, *, costs: Costs, initial_equity: float
) -> Backtest:
    """Turn multiples into money, as if every stretch began with the initial equity."""
    exits = holdings.exits
    # One level before the first trade of each stretch, and one after each trade.
    after = np.arange(len(holdings)) + sessions.of_bar[holdings.entry_bar] + 1
    factor = np.ones(len(holdings) + len(sessions))
    factor[after] = np.maximum(worth.growth, 0)
    begins = np.searchsorted(holdings.entry_bar, sessions.bounds) + np.arange(len(sessions) + 1)
    levels = initial_equity * running(np.multiply, factor, begins)
    equity = levels[(worth.run >> 1) + sessions.of_bar] * np.maximum(worth.mark, 0)
    equity[exits.bar[exits.is_inside] - 1] = levels[after][exits.is_inside]
    before = levels[after - 1]
    quantity = holdings.size * before / worth.entry_price
    fees = costs.fee * quantity * (worth.entry_price + worth.exit_price)
    paid = quantity * worth.funding
    pnl = holdings.side * quantity * (worth.exit_price - worth.entry_price) - fees - paid
    trades = Trades(
        side=holdings.side,
        entry_bar=holdings.entry_bar,
        exit_bar=exits.bar,
        quantity=quantity,
        entry_price=worth.entry_price,
        exit_price=worth.exit_price,
        fees=fees,
        funding=paid,
        reason=exits.reason,
        pnl=np.maximum(pnl, -before),
    )
    side_of_run = np.zeros(2 * len(holdings) + 1, dtype=np.int8)
    side_of_run[1::2] = holdings.side
    return Backtest(
        open_time=klines.open_time,
        equity=np.append(initial_equity, equity),
        position=side_of_run[worth.run],
        trades=trades,
    )


def _compounded(account: Backtest, sessions: Sessions) -> Backtest:
    """The account where every stretch begins with what the one before it left."""
    start, equity = float(account.equity[0]), account.equity[1:]
    scales, level = [], start
    for end in equity[sessions.last_bar].tolist():
        scales.append(level / start)
        level = end * scales[-1]
    scale = np.array(scales)
    return replace(
        account,
        equity=np.append(start, equity * scale[sessions.of_bar]),
        trades=account.trades.moved(num_bars=0, scale=scale[sessions.of_bar[account.trades.entry_bar]]),
    )
