"""The engine with sizes, exits and funding: against a plain loop, and against what must hold of any account."""

import itertools
from dataclasses import fields, replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from job.backtest.account import Backtest, Trades
from job.backtest.costs import Costs
from job.backtest.engine import run_backtest, run_orders
from job.backtest.exits import ExitReason
from job.backtest.orders import Orders, Terms
from job.backtest.sessions import Sessions
from job.backtest.stitch import stitch
from job.data.klines import Klines
from tests.support.cash_account import replay_by_loop
from tests.support.golden_bars import INITIAL_EQUITY, make_klines

FREE = Costs(fee_bps=0, slippage_bps=0)


@st.composite
def worlds(draw: st.DrawFn, deviation: float = 0.02) -> tuple[Klines, Orders, np.ndarray]:
    """Bars with wicks and gaps, orders with every kind of term, unknown ones included, and funding now and then."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    num_bars = draw(st.integers(1, 70))
    close = 100 * np.exp(np.cumsum(rng.normal(0, deviation, num_bars)))
    opened = np.append(100, close[:-1]) * np.exp(rng.normal(0, deviation, num_bars) * (rng.random(num_bars) < 0.3))
    wicks = np.exp(np.abs(rng.normal(0, deviation, (2, num_bars))))
    klines = make_klines(opened, close)
    klines = replace(klines, high=klines.high * wicks[0], low=klines.low / wicks[1])
    spell = draw(st.sampled_from([1, 3, 9]))
    side = np.repeat(rng.integers(-1, 2, num_bars // spell + 1), spell)[:num_bars].astype(np.int8)

    def distance() -> np.ndarray:
        kind = draw(st.sampled_from(["none", "near", "mixed"]))
        near = rng.uniform(0.2, 3, num_bars) * deviation
        if kind == "none":
            return np.full(num_bars, np.inf)
        return near if kind == "near" else np.where(rng.random(num_bars) < 0.2, np.nan, near)

    size = rng.uniform(0, draw(st.sampled_from([1.0, 3.0])), num_bars) * (rng.random(num_bars) < 0.95)
    terms = Terms(size=size, stop=distance(), take=distance())
    orders = Orders(side=side, terms=terms, max_hold=draw(st.sampled_from([None, 1, 4])))
    funding = rng.normal(0, 0.002, num_bars) * (rng.random(num_bars) < 0.2)
    return klines, orders, funding


small_costs = st.builds(Costs, fee_bps=st.floats(0, 50), slippage_bps=st.floats(0, 50))


def run(klines: Klines, orders: Orders, costs: Costs = FREE, funding: np.ndarray | None = None) -> Backtest:
    """The engine on a perpetual."""
    return run_orders(klines, orders, costs=costs, initial_equity=INITIAL_EQUITY, market="perp", funding=funding)


@pytest.mark.parametrize("deviation", [0.02, 0.3], ids=["calm", "ruinous"])
def test_run_orders_equals_an_account_in_cash_and_coins(deviation: float) -> None:
    """Equity, bars, and reasons of every trade are those of a loop that knows only the past, through ruin too."""

    @given(worlds(deviation), small_costs)
    @settings(max_examples=150, deadline=None)
    def equals(world: tuple[Klines, Orders, np.ndarray], costs: Costs) -> None:
        klines, orders, funding = world
        account = run(klines, orders, costs, funding)
        expected = replay_by_loop(klines, orders, costs=costs, initial_equity=INITIAL_EQUITY, funding=funding)
        np.testing.assert_allclose(account.equity, expected.equity, rtol=1e-8, atol=1e-6)
        trades = account.trades
        found = zip(trades.entry_bar, trades.exit_bar, map(ExitReason, trades.reason), strict=True)
        assert [(int(entry), int(end), reason) for entry, end, reason in found] == expected.trades

    equals()


@given(worlds(), small_costs)
@settings(max_examples=80, deadline=None)
def test_run_orders_conserves_money(world: tuple[Klines, Orders, np.ndarray], costs: Costs) -> None:
    """The gain is the sum over trades and over bars; pnl is the gross move less fees and funding; none overlap."""
    klines, orders, funding = world
    account = run(klines, orders, costs, funding)
    trades, gained = account.trades, account.equity[-1] - account.equity[0]
    assert trades.pnl.sum() == pytest.approx(gained, abs=1e-7)
    assert np.diff(account.equity).sum() == pytest.approx(gained, abs=1e-7)
    np.testing.assert_allclose(trades.fees, costs.fee * (trades.entry_notional + trades.exit_notional), atol=1e-9)
    if account.equity.min() > 0:
        gross = trades.side * (trades.exit_notional - trades.entry_notional)
        np.testing.assert_allclose(trades.pnl, gross - trades.fees - trades.funding, atol=1e-7)
    assert (trades.num_bars >= 1).all()
    assert (trades.entry_bar[1:] >= trades.exit_bar[:-1]).all()
    assert (trades.exit_bar <= len(klines)).all()
    assert trades.num_bars.sum() == account.in_market.sum()


@given(worlds(), st.floats(0, 30), st.floats(0.5, 10), st.booleans())
@settings(max_examples=80, deadline=None)
def test_run_orders_loses_with_every_cost(
    world: tuple[Klines, Orders, np.ndarray], cost: float, more: float, is_fee: bool
) -> None:
    """A higher fee or slippage moves no entry, no exit and no size, and always earns less."""
    klines, orders, _ = world
    name, other = ("fee_bps", "slippage_bps") if is_fee else ("slippage_bps", "fee_bps")
    cheap, dear = (run(klines, orders, Costs(**{name: c, other: 3.0})) for c in (cost, cost + more))
    if min(cheap.equity.min(), dear.equity.min()) <= 0:
        return
    for column in ("entry_bar", "exit_bar", "side", "reason"):
        assert np.array_equal(getattr(cheap.trades, column), getattr(dear.trades, column))
    assert (dear.equity[-1] < cheap.equity[-1]) if len(cheap.trades) else (dear.equity[-1] == cheap.equity[-1])
    for account in (cheap, dear):
        trades = account.trades
        before = INITIAL_EQUITY + np.cumsum(trades.pnl) - trades.pnl
        np.testing.assert_allclose(trades.entry_notional / before, orders.terms.size[trades.entry_bar - 1], rtol=1e-9)


@given(worlds())
@settings(max_examples=30, deadline=None)
def test_run_orders_without_fee_is_gross(world: tuple[Klines, Orders, np.ndarray]) -> None:
    """As fee and slippage go to nothing, the account goes to the one without them."""
    klines, orders, funding = world
    free, nearly = (run(klines, orders, Costs(fee_bps=c, slippage_bps=c), funding) for c in (0, 1e-6))
    np.testing.assert_allclose(nearly.equity, free.equity, rtol=1e-6)
    assert free.trades.fees.sum() == 0


@given(worlds())
@settings(max_examples=30, deadline=None)
def test_run_orders_without_terms_is_run_backtest(world: tuple[Klines, Orders, np.ndarray]) -> None:
    """The whole account, no exits and no funding give the plain engine's account to the bit."""
    klines, orders, _ = world
    costs = Costs(fee_bps=5, slippage_bps=2)
    plain = run_backtest(klines, orders.side, costs=costs, initial_equity=INITIAL_EQUITY, market="perp")
    general = run(klines, Orders.whole_account(orders.side, num_bars=len(klines)), costs, np.zeros(len(klines)))
    assert plain.equity.tobytes() == general.equity.tobytes()
    assert plain.trades.pnl.tobytes() == general.trades.pnl.tobytes()


@given(worlds(), small_costs, st.integers(1, 69))
@settings(max_examples=60, deadline=None)
def test_run_orders_knows_only_the_past(world: tuple[Klines, Orders, np.ndarray], costs: Costs, cut: int) -> None:
    """What happens after a bar changes nothing of the equity up to it."""
    klines, orders, funding = world
    whole = run(klines, orders, costs, funding)
    kept = slice(0, cut)
    terms = Terms(size=orders.terms.size[kept], stop=orders.terms.stop[kept], take=orders.terms.take[kept])
    part = run(klines.select(kept), replace(orders, side=orders.side[kept], terms=terms), costs, funding[kept])
    # The last close of the shorter account also pays for closing what is open.
    np.testing.assert_allclose(part.equity[:-1], whole.equity[: len(part)], rtol=1e-12)


def test_opposite_signals_of_one_bar_earn_opposite_returns() -> None:
    """Rebalanced every bar and free of costs, turning every side around turns every bar's return around."""
    rng = np.random.default_rng(3)
    close = 100 * np.exp(np.cumsum(rng.normal(0, 0.01, 400)))
    klines = make_klines(np.append(100, close[:-1]), close)
    side = np.where(np.arange(400) % 2 == 0, rng.choice([-1, 1], 400), 0).astype(np.int8)
    found, turned = (run(klines, Orders.whole_account(s, num_bars=400)).bar_returns for s in (side, -side))
    assert np.abs(found).sum() > 1
    np.testing.assert_allclose(turned, -found, atol=1e-12)


@given(worlds())
@settings(max_examples=20, deadline=None)
def test_twice_the_size_moves_twice_as_much(world: tuple[Klines, Orders, np.ndarray]) -> None:
    """Within its first trade, an account of half the size gains half as much."""
    klines, orders, funding = world
    half = replace(orders, terms=replace(orders.terms, size=orders.terms.size / 2))
    whole, less = run(klines, orders, FREE, funding), run(klines, half, FREE, funding)
    if len(whole.trades) and whole.equity.min() > 0:
        assert less.trades.pnl[0] == pytest.approx(whole.trades.pnl[0] / 2, rel=1e-9, abs=1e-9)


def test_no_trade_crosses_the_border_of_two_windows() -> None:
    """A position that both windows want is closed at the end of the first and bought again in the second."""
    first = make_klines([100.0] * 4, [100.0] * 4)
    second = make_klines([100.0] * 4, [100.0] * 4, start_ms=4 * 3_600_000)
    orders = Orders.whole_account(np.ones(4, dtype=np.int8), num_bars=4)
    costs = Costs(fee_bps=10, slippage_bps=0)
    whole = stitch([run(window, orders, costs, np.array([0, 0, 0.001, 0])) for window in (first, second)])
    assert list(whole.trades.entry_bar) == [1, 5]
    assert list(whole.trades.exit_bar) == [4, 8]
    assert set(whole.trades.reason) == {ExitReason.END}
    assert whole.trades.pnl.sum() == pytest.approx(whole.equity[-1] - whole.equity[0], abs=1e-9)
    assert whole.trades.funding[1] / whole.trades.funding[0] == pytest.approx(whole.equity[4] / whole.equity[0])


def test_funding_is_paid_by_who_holds_when_the_bar_opens() -> None:
    """Neither an entry at that open nor an exit before it pays; longs pay what shorts receive, at the open's price."""
    klines = make_klines([100, 100, 110, 100, 100], [100, 110, 100, 100, 100])
    for due, expected in ((1, 0.0), (2, 110.0), (3, 100.0), (4, 0.0)):
        funding = np.zeros(5)
        funding[due] = 0.01
        for side in (1, -1):
            orders = Orders.whole_account(np.array([side, side, 0, 0, 0], dtype=np.int8), num_bars=5)
            account = run(klines, orders, FREE, funding)
            assert list(account.trades.exit_bar) == [3]
            paid = side * 0.01 * expected * INITIAL_EQUITY / 100
            assert account.trades.funding[0] == pytest.approx(paid)
            assert account.equity[-1] == pytest.approx(INITIAL_EQUITY - paid)


def test_leverage_can_ruin_a_long() -> None:
    """Three times the account in coins is lost by a fall of a third, once, and nothing is traded afterwards."""
    klines = make_klines([100, 100, 60, 60, 60], [100, 100, 60, 90, 90])
    terms = Terms(size=np.full(5, 3.0), stop=np.full(5, np.inf), take=np.full(5, np.inf))
    account = run(klines, Orders(side=np.ones(5, dtype=np.int8), terms=terms))
    assert list(account.equity) == [INITIAL_EQUITY] * 3 + [0] * 3
    assert account.trades.pnl.sum() == pytest.approx(-INITIAL_EQUITY)


def part_of(orders: Orders, start: int, end: int) -> Orders:
    """The orders of a stretch of bars, alone."""
    terms = {name: getattr(orders.terms, name)[start:end] for name in ("size", "stop", "take")}
    return Orders(side=orders.side[start:end], terms=Terms(**terms), max_hold=orders.max_hold)


@pytest.mark.parametrize("deviation", [0.02, 0.3], ids=["calm", "ruinous"])
def test_sessions_are_accounts_of_their_own(deviation: float) -> None:
    """All at once is one by one and stitched, to the last bit: late orders, missed ones, and ruin included."""

    @given(
        worlds(deviation),
        st.lists(st.integers(1, 69), max_size=5),
        st.sampled_from([0, 1, 3]),
        st.sampled_from([0, 0.5]),
    )
    @settings(max_examples=60, deadline=None)
    def check(world: tuple[Klines, Orders, np.ndarray], cuts: list[int], delay: int, share: float) -> None:
        klines, orders, funding = world
        bounds = np.unique([0, *(cut for cut in cuts if cut < len(klines)), len(klines)])
        costs, rng = Costs(fee_bps=5, slippage_bps=2), np.random.default_rng(0)
        parts = []
        for start, end in itertools.pairwise(bounds.tolist()):
            alone = part_of(orders, start, end).delayed(delay).missing(share, rng)
            parts.append(run(klines.select(slice(start, end)), alone, costs, funding[start:end]))
        expected = stitch(parts)
        at_once = replace(orders, sessions=Sessions(bounds=bounds)).delayed(delay)
        found = run(klines, at_once.missing(share, np.random.default_rng(0)), costs, funding)
        assert found.equity.tobytes() == expected.equity.tobytes()
        assert found.position.tobytes() == expected.position.tobytes()
        for field in fields(Trades):
            assert np.array_equal(getattr(found.trades, field.name), getattr(expected.trades, field.name))

    check()
