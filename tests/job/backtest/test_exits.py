"""Hand-made bars for every way in which a trade can end; a long bought at 100 and its mirror image."""

from dataclasses import replace

import numpy as np
import pytest

from job.backtest.account import Backtest
from job.backtest.costs import Costs
from job.backtest.engine import run_orders
from job.backtest.exits import ExitReason
from job.backtest.orders import Orders, Terms
from tests.support.golden_bars import make_klines

FREE = Costs(fee_bps=0, slippage_bps=0)
NUM_BARS = 6
# The third bar is the interesting one: (open, high, low, close), entry at 100 in the second bar, stop 95, target 112.5.
CASES = {
    "stop within the bar": ((100, 102, 94, 101), ExitReason.STOP, 3, 95.0),
    "target within the bar": ((100, 113, 99, 101), ExitReason.TAKE_PROFIT, 3, 112.5),
    "both: the stop": ((100, 113, 94, 101), ExitReason.STOP, 3, 95.0),
    "gap through the stop": ((90, 92, 88, 91), ExitReason.STOP, 2, 90.0),
    "gap through the target": ((115, 116, 114, 115), ExitReason.TAKE_PROFIT, 2, 115.0),
    "opens beyond the target, then falls": ((115, 116, 90, 92), ExitReason.TAKE_PROFIT, 2, 115.0),
    "opens beyond the stop, then rises": ((90, 120, 88, 118), ExitReason.STOP, 2, 90.0),
    "touches the stop exactly": ((100, 101, 95, 100), ExitReason.STOP, 3, 95.0),
    "touches the target exactly": ((100, 112.5, 96, 100), ExitReason.TAKE_PROFIT, 3, 112.5),
    "nothing": ((100, 112.4, 95.1, 100), ExitReason.END, NUM_BARS, 100.0),
}


def run(
    bars: list[tuple[float, ...]], target: list[int], *, costs: Costs = FREE, max_hold: int | None = None
) -> Backtest:
    """The account of the whole equity with a stop 5 % away and a target 12.5 % away."""
    opened, high, low, close = np.array(bars, dtype=float).T
    klines = replace(make_klines(opened, close), high=high, low=low)
    size, stop, take = (np.full(len(bars), value) for value in (1.0, 0.05, 0.125))
    orders = Orders(
        side=np.array(target, dtype=np.int8), terms=Terms(size=size, stop=stop, take=take), max_hold=max_hold
    )
    return run_orders(klines, orders, costs=costs, initial_equity=1_000, market="perp")


def around(bar: tuple[float, ...]) -> list[tuple[float, ...]]:
    """Quiet bars at 100 with ``bar`` as the third."""
    quiet = (100.0, 100.0, 100.0, 100.0)
    return [quiet, quiet, bar, quiet, quiet, quiet]


def mirrored(bar: tuple[float, ...]) -> tuple[float, ...]:
    """The bar turned around at 100, so that a short meets what a long met."""
    opened, high, low, close = (200 - price for price in bar)
    return opened, low, high, close


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("side", [1, -1])
def test_trade_ends_where_the_case_says(name: str, side: int) -> None:
    """Reason, bar and price of the exit, for a long and for its mirror image."""
    bar, reason, exit_bar, price = CASES[name]
    account = run(around(bar if side > 0 else mirrored(bar)), [side] * NUM_BARS)
    trades = account.trades
    assert [ExitReason(code) for code in trades.reason] == [reason]
    assert (list(trades.entry_bar), list(trades.exit_bar)) == ([1], [exit_bar])
    assert trades.exit_price[0] == pytest.approx(price if side > 0 else 200 - price)
    # Bars that the trade held, in part or whole; what is left is cash and does not move.
    assert list(np.flatnonzero(account.in_market)) == list(range(1, exit_bar))
    assert (account.equity[exit_bar + 1 :] == account.equity[-1]).all()


def test_entry_bar_can_be_the_last() -> None:
    """The orders rest from the fill on: a fall within the bar of the entry is met, at the level."""
    quiet = (100.0, 100.0, 100.0, 100.0)
    account = run([quiet, (100, 113, 94, 100), quiet], [1, 1, 1])
    assert (account.trades.exit_bar[0], account.trades.exit_price[0]) == (2, pytest.approx(95))
    assert list(account.equity) == pytest.approx([1000, 1000, 950, 950])


def test_exits_pay_fee_and_slippage() -> None:
    """A stop-loss is filled worse than its level, and so is a take-profit; levels do not move with the slippage."""
    costs = Costs(fee_bps=10, slippage_bps=20)
    for bar, level in ((CASES["stop within the bar"][0], 95), (CASES["target within the bar"][0], 112.5)):
        trades = run(around(bar), [1] * NUM_BARS, costs=costs).trades
        assert trades.entry_price[0] == pytest.approx(100.2)
        assert trades.exit_price[0] == pytest.approx(level * 0.998)
        assert trades.fees[0] == pytest.approx(0.001 * trades.quantity[0] * (100.2 + level * 0.998))


def test_same_signal_never_enters_twice() -> None:
    """After a stop the unbroken signal stays out; one close without it, or another side, makes a new one."""
    stopped, quiet = (100.0, 101.0, 94.0, 100.0), (100.0, 100.0, 100.0, 100.0)
    bars = [quiet, stopped, quiet, quiet, quiet, quiet]
    assert list(run(bars, [1] * 6).trades.entry_bar) == [1]
    assert list(run(bars, [1, 1, 0, 1, 1, 1]).trades.entry_bar) == [1, 4]
    turned = run(bars, [1, 1, -1, -1, 1, 1]).trades
    assert (list(turned.entry_bar), list(turned.side)) == ([1, 3, 5], [1, -1, 1])


def test_time_exit_closes_at_the_open_after_so_many_bars() -> None:
    """Two bars held and no more, whatever is still forecast; a signal that ends then is the reason instead."""
    quiet = (100.0, 100.0, 100.0, 100.0)
    trades = run([quiet] * 6, [1] * 6, max_hold=2).trades
    assert (list(trades.entry_bar), list(trades.exit_bar)) == ([1], [3])
    assert trades.reason[0] == ExitReason.TIME
    ended = run([quiet] * 6, [1, 1, 0, 0, 0, 0], max_hold=2).trades
    assert (ended.exit_bar[0], ended.reason[0]) == (3, ExitReason.SIGNAL)
    at_end = run([quiet] * 3, [1, 1, 1], max_hold=2).trades
    assert (at_end.exit_bar[0], at_end.reason[0]) == (3, ExitReason.END)


def test_stop_in_the_bar_where_the_signal_ends_comes_too_late() -> None:
    """The position is closed at that bar's open, before anything in it happens."""
    quiet = (100.0, 100.0, 100.0, 100.0)
    trades = run([quiet, quiet, (99, 120, 50, 60), quiet], [1, 0, 0, 0]).trades
    assert (trades.exit_bar[0], trades.exit_price[0], trades.reason[0]) == (2, 99, ExitReason.SIGNAL)


def test_ruin_at_an_exit_ends_the_account() -> None:
    """A short whose market opens at more than twice its price is stopped at that open, and that was all."""
    quiet = (100.0, 100.0, 100.0, 100.0)
    account = run([quiet, quiet, (210, 210, 210, 210), quiet, quiet], [-1, -1, 0, 1, 1])
    assert list(account.equity[-3:]) == [0, 0, 0]
    assert [ExitReason(code) for code in account.trades.reason] == [ExitReason.STOP]
