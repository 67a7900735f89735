import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from job.backtest.costs import Costs
from job.backtest.exits import ExitReason
from job.backtest.market_bars import MarketBars
from job.settings.procedure import StrategySettings
from job.signals import NEVER, Thresholds, TradingRules, target_positions, trade
from tests.support.klines import random_klines

HALF = Thresholds(buy=0.6, sell=0.4)
FREE = Costs(fee_bps=0, slippage_bps=0)


def targets(probability: list[float], *, hold_bars: int, thresholds: Thresholds = HALF) -> list[int]:
    """Positions as a list."""
    return target_positions(np.array(probability, dtype=np.float64), thresholds, hold_bars=hold_bars).tolist()


@pytest.mark.parametrize(
    ("probability", "expected"),
    [
        pytest.param([0.5, 0.6, 0.5, 0.5, 0.5, 0.5], [0, 1, 1, 1, 0, 0], id="held for the horizon"),
        pytest.param([0.7, 0.5, 0.7, 0.5, 0.5, 0.5], [1, 1, 1, 1, 1, 0], id="a repeat begins anew"),
        pytest.param([0.7, 0.4, 0.5, 0.5, 0.5, 0.5], [1, -1, -1, -1, 0, 0], id="the other side flips"),
        pytest.param([0.7, np.nan, np.nan, np.nan, 0.3, 0.5], [1, 1, 1, 0, -1, -1], id="no forecast asks for nothing"),
        pytest.param([np.nan] * 4, [0] * 4, id="no forecast at all"),
        pytest.param([0.5] * 4, [0] * 4, id="nothing reaches a threshold"),
        pytest.param([], [], id="no bar"),
    ],
)
def test_target_positions_of_three_bar_holds(probability: list[float], expected: list[int]) -> None:
    """A signal holds three bars unless it is repeated or contradicted."""
    assert targets(probability, hold_bars=3) == expected


def test_target_positions_of_one_bar_follow_each_forecast() -> None:
    """With a horizon of one bar, every bar stands for itself."""
    assert targets([0.6, 0.5, 0.4, 0.9], hold_bars=1) == [1, 0, -1, 1]


def test_never_is_out_of_reach() -> None:
    """No probability, not even 0 or 1, reaches `NEVER`."""
    assert NEVER.never_trades
    assert not HALF.never_trades
    assert targets([0.0, 0.5, 1.0], hold_bars=2, thresholds=NEVER) == [0, 0, 0]


def hold_by_loop(probability: list[float], hold_bars: int) -> list[int]:
    """The rule, bar by bar."""
    position, age, held = 0, 0, []
    for p in probability:
        age += 1
        if p >= HALF.buy or p <= HALF.sell:
            position, age = (1 if p >= HALF.buy else -1), 0
        held.append(position if age < hold_bars else 0)
    return held


@given(st.lists(st.sampled_from([0.2, 0.5, 0.5, 0.5, 0.8, np.nan]), max_size=60), st.integers(1, 9))
@settings(max_examples=80, deadline=None)
def test_target_positions_equal_a_loop(probability: list[float], hold_bars: int) -> None:
    """The arrays say what a loop over the bars says."""
    assert targets(probability, hold_bars=hold_bars) == hold_by_loop(probability, hold_bars)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=40), st.integers(1, 39))
@settings(max_examples=40, deadline=None)
def test_target_positions_know_only_the_past(probability: list[float], cut: int) -> None:
    """Positions up to a bar are the same without the forecasts after it."""
    assert targets(probability, hold_bars=5)[:cut] == targets(probability[:cut], hold_bars=5)


def test_one_trade_means_one_label() -> None:
    """A lone signal is bought at the next open and sold at the open after the horizon, as labels measure."""
    klines, hold_bars = random_klines(20, "1h"), 5
    probability = np.full(20, 0.5)
    probability[3] = 0.9
    for market in ("perp", "spot"):
        rules = TradingRules(costs=FREE, market=market, hold_bars=hold_bars, bars_per_year=8760)
        account = trade(klines, probability, HALF, rules)
        assert account.equity[-1] == pytest.approx(klines.open[4 + hold_bars] / klines.open[4], rel=1e-12)
        assert (account.trades.entry_bar, account.trades.exit_bar) == (4, 4 + hold_bars)


def test_trade_on_spot_is_never_short() -> None:
    """A sell signal on a spot market means flat."""
    rules = TradingRules(costs=FREE, market="spot", hold_bars=5, bars_per_year=8760)
    account = trade(random_klines(20, "1h"), np.full(20, 0.1), HALF, rules)
    assert not account.in_market.any()


@pytest.mark.parametrize("changes", [{"sizing": "volatility"}, {"stop_loss_atr": 2.0}, {"take_profit_atr": 2.0}])
def test_trade_refuses_bars_that_do_not_carry_what_the_strategy_needs(changes: dict[str, object]) -> None:
    """A slice alone does not know the day before it: its sizes and exits must have been computed before the cut."""
    rules = TradingRules(
        costs=FREE, market="perp", hold_bars=5, bars_per_year=8760, strategy=StrategySettings.model_validate(changes)
    )
    klines = random_klines(20, "1h")
    with pytest.raises(ValueError, match="MarketBars"):
        trade(klines, np.full(20, 0.9), HALF, rules)
    assert len(trade(MarketBars.of(klines), np.full(20, 0.9), HALF, rules).trades) == 1


def test_trade_takes_no_more_than_the_largest_size() -> None:
    """A fixed size is the whole account, or as much of it as is allowed."""
    klines, forecast = random_klines(20, "1h"), np.full(20, 0.9)
    for max_size, expected in ((0.25, 0.25), (1.0, 1.0), (3.0, 1.0)):
        strategy = StrategySettings(max_size=max_size)
        rules = TradingRules(costs=FREE, market="perp", hold_bars=5, bars_per_year=8760, strategy=strategy)
        assert trade(klines, forecast, HALF, rules).trades.entry_notional[0] == pytest.approx(expected)


def test_trade_ends_after_the_longest_hold() -> None:
    """A signal that is repeated for ever is held for so many bars, once."""
    rules = TradingRules(
        costs=FREE, market="perp", hold_bars=5, bars_per_year=8760, strategy=StrategySettings(max_hold=3)
    )
    trades = trade(random_klines(20, "1h"), np.full(20, 0.9), HALF, rules).trades
    assert (list(trades.entry_bar), list(trades.exit_bar), list(trades.reason)) == ([1], [4], [ExitReason.TIME])
