"""Equity made again from what is held: the engine's, for any sizes, exits and funding."""

from dataclasses import replace

import numpy as np
import pytest

from job.audit.marks import marked_equity
from job.backtest.account import Backtest
from job.backtest.costs import Costs
from job.backtest.engine import run_orders
from job.backtest.exits import ExitReason
from job.backtest.market_bars import MarketBars
from job.backtest.orders import Orders
from tests.support.klines import random_klines

NUM_BARS = 900
COSTS = Costs(fee_bps=5, slippage_bps=2)


def world(seed: int, *, have_exits: bool) -> tuple[MarketBars, Backtest]:
    """A random walk traded in sizes, with funding and perhaps exits, and its account."""
    rng = np.random.default_rng(seed)
    klines = random_klines(NUM_BARS, "15m", seed=seed)
    bars = MarketBars.of(
        klines,
        size=rng.uniform(0.2, 1.5, NUM_BARS),
        stop=0.01 if have_exits else np.inf,
        take=0.015 if have_exits else np.inf,
        funding=rng.normal(0, 0.001, NUM_BARS) * (rng.random(NUM_BARS) < 0.2),
    )
    side = np.repeat(rng.integers(-1, 2, NUM_BARS // 9), 9).astype(np.int8)
    orders = Orders(side=side, terms=bars.terms, max_hold=7)
    account = run_orders(bars, orders, costs=COSTS, initial_equity=1.0, market="perp", funding=bars.funding)
    return bars, account


@pytest.mark.parametrize("have_exits", [False, True])
@pytest.mark.parametrize("seed", range(5))
def test_marked_equity_is_the_engine_s(seed: int, *, have_exits: bool) -> None:
    """At every close; only the last close of a trade that met an order resting in the market is left open."""
    bars, account = world(seed, have_exits=have_exits)
    marked = marked_equity(account, bars, COSTS)
    is_open = np.isnan(marked)
    resting = np.isin(account.trades.reason, [ExitReason.STOP, ExitReason.TAKE_PROFIT])
    assert resting.any() == have_exits
    assert list(np.flatnonzero(is_open)) == list(account.trades.exit_bar[resting] - 1)
    np.testing.assert_allclose(marked[~is_open], account.equity[1:][~is_open], rtol=1e-12)


def test_marked_equity_differs_where_any_part_is_wrong() -> None:
    """Another quantity, another side of a bar, a fee or a payment too many: each moves it by more than rounding."""
    bars, account = world(1, have_exits=True)
    trades, position = account.trades, account.position.copy()
    position[trades.entry_bar[3]] *= -1
    wrong = [
        (replace(account, trades=replace(trades, quantity=trades.quantity * 1.001)), COSTS),
        (replace(account, trades=replace(trades, funding=trades.funding + 1e-6)), COSTS),
        (replace(account, position=position), COSTS),
        (account, Costs(fee_bps=5.01, slippage_bps=2)),
    ]
    for mistaken, costs in wrong:
        apart = marked_equity(mistaken, bars, costs) - account.equity[1:]
        assert np.nanmax(np.abs(apart)) > 1e-7
