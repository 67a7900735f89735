"""Stored windows give back the accounts of their tests, under every strategy."""

from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from job.arrays import Float32Array, FloatArray
from job.backtest.account import Backtest
from job.backtest.costs import Costs
from job.backtest.exits import ExitReason
from job.backtest.stitch import stitch
from job.execution.opening import procedure_of
from job.model.prior import PriorLearner
from job.procedure import train_procedure
from job.records import FLAT, LAST_RETURN, LONG
from job.rehearsal import rehearse
from job.replay import JoinedTests, MissedFills, join_tests, net_return_at, replay
from job.rules import make_dataset, trading_rules
from job.run.plan import windows_of
from job.settings.procedure import OptimizeMetric
from job.signals import Thresholds, TradingRules
from job.slice_outcome import SliceOutcome, forecast_and_trade
from job.threshold_choice import ThresholdChoice
from job.window_results import read_series, series_bytes
from tests.support.procedures import with_changes
from tests.support.small_run import INTERVAL, small_markets, small_settings

STRATEGIES: dict[str, dict[str, Any]] = {
    "plain": {},
    "all": {
        "sizing": "volatility",
        "target_volatility": 0.3,
        "max_size": 2.0,
        "stop_loss_atr": 1.5,
        "take_profit_atr": 2.0,
        "max_hold": 6,
        "funding_bps": 3.0,
    },
    "spot": {"market": "spot", "stop_loss_atr": 3.0},
}
MODEL = "restless"


@dataclass(frozen=True, kw_only=True)
class Restless:
    """Forecasts that are all over the place, so that much is traded."""

    def predict(self, features: Float32Array) -> FloatArray:
        """Up and down with the features' last digits."""
        probability: FloatArray = 0.5 + 0.3 * np.sin(1e4 * features[:, 0].astype(np.float64))
        return probability


@lru_cache(maxsize=4)
def outcomes_of(strategy: str) -> tuple[TradingRules, tuple[SliceOutcome, ...], JoinedTests]:
    """Every window of the small walk-forward as it was tested, and as it is stored."""
    procedure = with_changes(procedure_of(small_settings(Path("nowhere"))), **STRATEGIES[strategy])
    rehearsal, rules = rehearse(small_markets(), procedure), trading_rules(procedure)
    data = make_dataset(rehearsal.klines, rehearsal.features, procedure)
    eager = ThresholdChoice(thresholds=Thresholds(buy=0.7, sell=0.3), num_trades=0, score=None)
    outcomes = []
    for window in windows_of(rehearsal.plan):
        assert window.test is not None
        prior = train_procedure(
            PriorLearner(), data.rows, data.klines, window, metric=OptimizeMetric.SHARPE_RATIO, rules=rules, seed=0
        )
        restless = replace(prior, classifier=Restless(), choice=eager, slope=1.0)
        outcomes.append(forecast_and_trade(data, window.test, {MODEL: restless, "prior": prior}, rules))
    stored = [read_series(series_bytes(o), interval=INTERVAL, where="memory") for o in outcomes]
    return rules, tuple(outcomes), join_tests(stored)


def gained(account: Backtest) -> float:
    """Net return."""
    return float(account.equity[-1] / account.equity[0] - 1)


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_replay_is_the_account_of_the_tests(strategy: str) -> None:
    """From stored bytes, to the last bit: equity, and every trade's price, size, funding and reason."""
    rules, outcomes, tests = outcomes_of(strategy)
    for name in (MODEL, "prior"):
        expected = stitch([outcome.accounts[name] for outcome in outcomes])
        found = replay(tests, name, rules)
        assert found.equity.tobytes() == expected.equity.tobytes()
        assert found.position.tobytes() == expected.position.tobytes()
        for column in ("entry_bar", "exit_bar", "quantity", "exit_price", "funding", "reason", "pnl"):
            assert getattr(found.trades, column).tobytes() == getattr(expected.trades, column).tobytes()
    assert len(replay(tests, MODEL, rules).trades) > 20


def test_strategy_reaches_the_account() -> None:
    """With every part of the strategy on, each kind of exit happens, funding is paid, and sizes follow the market."""
    rules, _, tests = outcomes_of("all")
    trades = replay(tests, MODEL, rules).trades
    assert {ExitReason.STOP, ExitReason.TAKE_PROFIT, ExitReason.TIME, ExitReason.SIGNAL} <= set(trades.reason)
    assert trades.num_bars.max() == 6
    assert np.abs(trades.funding).sum() > 0
    assert np.ptp(trades.entry_notional) > 0.01
    spot, _, of_spot = outcomes_of("spot")
    assert (replay(of_spot, MODEL, spot).trades.side == 1).all()


def test_replay_under_other_costs_keeps_every_trade() -> None:
    """Only what the trades cost changes, and dearer is worse."""
    rules, _, tests = outcomes_of("all")
    free, dear = (Costs(fee_bps=c, slippage_bps=c) for c in (0, 20))
    net = net_return_at(tests, MODEL, rules)
    assert net(free) > net(rules.costs) > net(dear)
    assert net(rules.costs) == pytest.approx(gained(replay(tests, MODEL, rules)))


def test_delayed_replay_fills_one_bar_later() -> None:
    """Without exits every entry is a bar later, unless its window ends first, and takes its own size along."""
    rules, _, tests = outcomes_of("plain")
    now, late = (replay(tests, MODEL, rules, delay_bars=delay).trades for delay in (0, 1))
    assert set(late.entry_bar) <= set(now.entry_bar + 1)
    assert 0 <= len(now) - len(late) <= len(tests.sessions)
    sized, _, of_sized = outcomes_of("all")
    at = replay(of_sized, MODEL, sized, delay_bars=1)
    size = of_sized.klines.size
    before = 1 + np.cumsum(at.trades.pnl) - at.trades.pnl
    np.testing.assert_allclose(at.trades.entry_notional / before, size[at.trades.entry_bar - 2], rtol=1e-9)


def test_missed_fills_leave_the_others_alone() -> None:
    """Some trades are gone, the rest have the same bars; the same seed misses the same ones, others miss others."""
    rules, _, tests = outcomes_of("plain")
    whole = replay(tests, MODEL, rules).trades
    first, again, other = (
        replay(tests, MODEL, rules, missed=MissedFills(share=0.3, seed=seed)).trades for seed in (1, 1, 2)
    )
    assert len(first) < len(whole)
    assert set(first.entry_bar) < set(whole.entry_bar)
    assert np.array_equal(first.entry_bar, again.entry_bar)
    assert not np.array_equal(first.entry_bar, other.entry_bar)


def test_rules_without_a_model_take_the_sizes_but_no_exits() -> None:
    """Always long stays long to the end of each window at the first bar's size; flat earns nothing."""
    rules, _, tests = outcomes_of("all")
    long = replay(tests, LONG, rules)
    assert list(long.trades.reason) == [ExitReason.END] * len(tests.sessions)
    assert long.trades.entry_notional[0] == pytest.approx(tests.klines.size[0])
    assert (replay(tests, FLAT, rules).equity == 1).all()
    assert set(replay(tests, LAST_RETURN, rules).trades.reason) <= {ExitReason.SIGNAL, ExitReason.END}
