import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from job.backtest.account import Backtest
from job.backtest.costs import Costs
from job.backtest.engine import run_backtest
from job.data.klines import Klines
from job.evaluation.returns import sharpe_ratio, total_return
from tests.support.golden_bars import (
    COLUMNS,
    INITIAL_EQUITY,
    TARGET,
    GoldenAccount,
    make_klines,
    reference_equity,
    run_golden,
)

NO_COSTS = Costs(fee_bps=0, slippage_bps=0)


def run(klines: Klines, target: object, costs: Costs = NO_COSTS, market: str = "perp") -> Backtest:
    """The engine with the defaults of these tests."""
    return run_backtest(klines, target, costs=costs, initial_equity=INITIAL_EQUITY, market=market)  # type: ignore[arg-type]


def random_walk(num_bars: int, seed: int, deviation: float = 0.01) -> Klines:
    """Bars without drift whose opens lie a little off the closes before them."""
    rng = np.random.default_rng(seed)
    close = 100 * np.exp(np.cumsum(rng.normal(0, deviation, num_bars)))
    opened = np.append(100, close[:-1]) * np.exp(rng.normal(0, deviation / 10, num_bars))
    return make_klines(opened, close)


def is_golden(column: GoldenAccount, account: Backtest) -> bool:
    """Whether the equity is that of the table."""
    return np.allclose(account.equity, column.equity, rtol=0, atol=1e-9)


@st.composite
def markets(draw: st.DrawFn, deviation: float = 0.01) -> tuple[Klines, np.ndarray]:
    """Bars of a random walk and targets that stay for a while."""
    seed = draw(st.integers(0, 2**32 - 1))
    num_bars = draw(st.integers(1, 60))
    rng = np.random.default_rng(seed)
    spell = draw(st.sampled_from([1, 2, 7]))
    target = np.repeat(rng.integers(-1, 2, num_bars // spell + 1), spell)[:num_bars]
    return random_walk(num_bars, seed, deviation), target


small_costs = st.builds(Costs, fee_bps=st.floats(0, 50), slippage_bps=st.floats(0, 50))


@pytest.mark.parametrize("column", COLUMNS)
def test_run_backtest_gives_the_golden_account(column: GoldenAccount) -> None:
    """The ten bars give the equity, trades and fees worked out by hand, to 1e-9."""
    account = run_golden(column)
    trades = account.trades
    assert is_golden(column, account)
    assert list(trades.entry_bar) == [1, 4, 7]
    assert list(trades.exit_bar) == [4, 6, 8]
    assert list(trades.side) == [1, -1, 1]
    np.testing.assert_allclose(trades.pnl, column.pnl, rtol=0, atol=1e-9)
    assert trades.fees.sum() == pytest.approx(column.fees, abs=1e-9)
    assert list(account.position) == [0, 1, 1, 1, -1, -1, 0, 1, 0, 0]


@pytest.mark.parametrize("column", COLUMNS)
@pytest.mark.parametrize("lead", [1, 2])
def test_golden_account_refuses_targets_from_the_future(column: GoldenAccount, lead: int) -> None:
    """Targets one bar early (filled in the bar that decided them) or two (a shift by -1) are caught."""
    early = np.append(TARGET[lead:], np.zeros(lead, dtype=np.int8))
    assert not is_golden(column, run_golden(column, target=early))


def test_run_backtest_fills_at_the_next_open() -> None:
    """Entries and exits are filled at the open after the deciding close, not at that close."""
    klines = random_walk(200, seed=4)
    target = np.repeat(np.random.default_rng(4).integers(-1, 2, 40), 5)
    trades = run(klines, np.append(target[:-2], [0, 0])).trades
    assert np.array_equal(trades.entry_price, klines.open[trades.entry_bar])
    assert np.array_equal(trades.exit_price, klines.open[trades.exit_bar])
    assert not np.isin(trades.entry_price, klines.close[trades.entry_bar - 1]).any()


def test_momentum_earns_on_a_random_walk_only_from_the_future() -> None:
    """A sign-of-last-move rule earns nothing on a random walk, and a fortune once its targets are a bar early."""
    klines = random_walk(5_000, seed=7)
    target = np.sign(np.diff(klines.close, prepend=klines.close[0])).astype(np.int8)
    honest = sharpe_ratio(run(klines, target).bar_returns, bars_per_year=8_760).value
    early = sharpe_ratio(run(klines, np.append(target[1:], 0)).bar_returns, bars_per_year=8_760).value
    assert honest is not None
    assert early is not None
    assert abs(honest) < 4
    assert early > 40


@given(markets(), small_costs)
@settings(max_examples=60, deadline=None)
def test_run_backtest_equals_an_account_in_cash_and_coins(market: tuple[Klines, np.ndarray], costs: Costs) -> None:
    """The vectorised curve is that of a plain loop over cash and coins."""
    klines, target = market
    expected = reference_equity(klines, target, costs, INITIAL_EQUITY)
    np.testing.assert_allclose(run(klines, target, costs).equity, expected, rtol=1e-11)


@given(markets(deviation=0.3), small_costs)
@settings(max_examples=100, deadline=None)
def test_run_backtest_equals_it_through_ruin(market: tuple[Klines, np.ndarray], costs: Costs) -> None:
    """Where prices double within bars, both accounts stop at zero in the same bar, and trades still add up."""
    klines, target = market
    account = run(klines, target, costs)
    expected = reference_equity(klines, target, costs, INITIAL_EQUITY)
    np.testing.assert_allclose(account.equity, expected, rtol=1e-9, atol=1e-6)
    gained = account.equity[-1] - account.equity[0]
    assert account.trades.pnl.sum() == pytest.approx(gained, abs=1e-8 * account.equity.max())
    assert account.trades.num_bars.sum() == account.in_market.sum()


@given(markets(), small_costs)
@settings(max_examples=60, deadline=None)
def test_run_backtest_conserves_money(market: tuple[Klines, np.ndarray], costs: Costs) -> None:
    """What the account gained is the sum of its trades' pnl, gross moves less fees, and no trade outlives it."""
    klines, target = market
    account = run(klines, target, costs)
    trades = account.trades
    gained = account.equity[-1] - account.equity[0]
    assert trades.pnl.sum() == pytest.approx(gained, abs=1e-8)
    assert np.diff(account.equity).sum() == pytest.approx(gained, abs=1e-8)
    gross = trades.side * (trades.exit_notional - trades.entry_notional)
    np.testing.assert_allclose(trades.pnl, gross - trades.fees, atol=1e-8)
    notional = trades.entry_notional + trades.exit_notional
    np.testing.assert_allclose(trades.fees, costs.fee * notional, atol=1e-9)
    assert (trades.num_bars >= 1).all()
    assert (trades.entry_bar >= 1).all()
    assert (trades.exit_bar <= len(klines)).all()
    assert trades.num_bars.sum() == account.in_market.sum()


@given(markets(), st.floats(0, 40), st.floats(0.5, 10), st.booleans())
@settings(max_examples=60, deadline=None)
def test_run_backtest_loses_with_every_cost(
    market: tuple[Klines, np.ndarray], cost: float, more: float, is_fee: bool
) -> None:
    """A higher fee or slippage changes no trade's bars, and always earns less if anything was traded."""
    klines, target = market
    name, other = ("fee_bps", "slippage_bps") if is_fee else ("slippage_bps", "fee_bps")
    cheap = run(klines, target, Costs(**{name: cost, other: 3.0}))
    dear = run(klines, target, Costs(**{name: cost + more, other: 3.0}))
    assert np.array_equal(cheap.position, dear.position)
    assert np.array_equal(cheap.trades.entry_bar, dear.trades.entry_bar)
    if len(cheap.trades):
        assert dear.equity[-1] < cheap.equity[-1]
    else:
        assert dear.equity[-1] == cheap.equity[-1]


@given(markets())
@settings(max_examples=30, deadline=None)
def test_always_long_without_costs_is_buy_and_hold(market: tuple[Klines, np.ndarray]) -> None:
    """Long from the first fill to the last close, the account follows the price."""
    klines, _ = market
    account = run(klines, np.ones(len(klines)))
    np.testing.assert_allclose(account.equity[2:], INITIAL_EQUITY * klines.close[1:] / klines.open[1:2], rtol=1e-12)


@given(markets(), small_costs)
@settings(max_examples=20, deadline=None)
def test_always_flat_is_exactly_zero(market: tuple[Klines, np.ndarray], costs: Costs) -> None:
    """Nothing traded is nothing gained, to the bit, and its Sharpe ratio is undefined."""
    klines, _ = market
    account = run(klines, np.zeros(len(klines)), costs)
    assert total_return(account.equity).value == 0
    assert (account.bar_returns == 0).all()
    assert len(account.trades) == 0
    sharpe = sharpe_ratio(account.bar_returns, bars_per_year=8_760)
    assert sharpe.reason == ("too_short" if len(klines) == 1 else "zero_variance")


def test_run_backtest_closes_at_the_last_close_with_costs() -> None:
    """A position still open at the end is sold at the last close, paying fee and slippage."""
    account = run(make_klines([100, 100], [100, 110]), [1, 1], Costs(fee_bps=10, slippage_bps=20))
    bought, sold = 100 * 1.002, 110 * 0.998
    quantity = INITIAL_EQUITY / bought
    fees = 0.001 * quantity * (bought + sold)
    assert account.equity[-1] == pytest.approx(INITIAL_EQUITY + quantity * (sold - bought) - fees, abs=1e-9)
    assert account.trades.exit_bar[0] == 2
    assert account.trades.exit_price[0] == pytest.approx(sold)


def test_run_backtest_never_fills_the_last_target() -> None:
    """A decision at the last close has no next open and changes nothing."""
    klines = random_walk(20, seed=1)
    target = np.zeros(20)
    account = run(klines, np.append(target[:-1], 1), Costs(fee_bps=5, slippage_bps=5))
    assert (account.equity == INITIAL_EQUITY).all()


def test_spot_market_turns_shorts_flat() -> None:
    """Without shorts, a spot account of a target is the perpetual account of its long part."""
    klines = random_walk(200, seed=2)
    target = np.random.default_rng(2).integers(-1, 2, 200)
    spot = run(klines, target, market="spot")
    assert np.array_equal(spot.equity, run(klines, np.maximum(target, 0)).equity)
    assert (spot.position >= 0).all()


@pytest.mark.parametrize(
    ("opened", "closed", "exit_bar"),
    [
        ([100, 100, 150, 150, 150], [100, 150, 210, 150, 140], 3),
        ([100, 100, 210, 150, 150], [100, 150, 150, 150, 140], 2),
    ],
    ids=["at a close", "at an exit"],
)
def test_run_backtest_stops_at_ruin(opened: list[float], closed: list[float], exit_bar: int) -> None:
    """A short whose price doubles takes everything, once, and nothing is traded afterwards."""
    target = [-1, -1, -1, 1, 1] if exit_bar == 3 else [-1, 1, 1, -1, -1]
    account = run(make_klines(opened, closed), target)
    assert (account.equity[3:] == 0).all()
    assert account.equity.min() == 0
    assert account.bar_returns.min() == -1
    assert (account.bar_returns[3:] == 0).all()
    assert list(account.trades.exit_bar) == [exit_bar]
    assert account.trades.pnl.sum() == pytest.approx(-INITIAL_EQUITY, abs=1e-8)
    assert (account.position[3:] == 0).all()


@pytest.mark.parametrize("target", [[0.5, 0, 0], [2, 0, 0], [float("nan"), 0, 0], [0, 0], [[0, 0, 0]]])
def test_run_backtest_refuses_targets_that_are_none(target: object) -> None:
    """A target is -1, 0 or 1, one a bar."""
    with pytest.raises(ValueError, match="target"):
        run(make_klines([1, 1, 1], [1, 1, 1]), target)


def test_run_backtest_refuses_bad_arguments() -> None:
    """No bars, no money, no such market and no price are each refused."""
    flat = make_klines([1.0, 1.0], [1.0, 1.0])
    with pytest.raises(ValueError, match="bars"):
        run(flat.select(slice(0, 0)), [])
    with pytest.raises(ValueError, match="initial_equity"):
        run_backtest(flat, [0, 0], costs=NO_COSTS, initial_equity=0, market="perp")
    with pytest.raises(ValueError, match="market"):
        run(flat, [0, 0], market="margin")
    with pytest.raises(ValueError, match="finite"):
        run(make_klines([1.0, np.nan], [1.0, 1.0]), [0, 0])
