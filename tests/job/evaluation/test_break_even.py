import numpy as np
import pytest

from job.backtest.costs import Costs
from job.backtest.engine import run_backtest
from job.evaluation.break_even import break_even_bps
from tests.support.golden_bars import TARGET, make_klines


def replay_of(close: np.ndarray, target: np.ndarray):
    """Net return of a target under any costs."""
    klines = make_klines(np.append(close[0], close[:-1]), close)

    def replay(costs: Costs) -> float:
        account = run_backtest(klines, target, costs=costs, initial_equity=1_000, market="perp")
        return float(account.equity[-1] / account.equity[0] - 1)

    return replay


def test_break_even_of_one_long_trade_is_known() -> None:
    """Bought at 100 and sold at 110, it dies at a fee of 10 / 210."""
    replay = replay_of(np.array([100.0, 100, 110, 110]), np.array([1, 1, 0, 0]))
    assert break_even_bps(replay).value == pytest.approx(10 / 210 * 1e4, abs=1e-5)


def test_break_even_ends_the_return() -> None:
    """At that cost the account returns zero; a little less still earns, a little more loses."""
    rng = np.random.default_rng(1)
    close = 100 * np.exp(np.cumsum(rng.normal(0, 0.01, 400)))
    foreseen = np.sign(np.append(np.diff(close), 0) + rng.normal(0, 1.5, 400)).astype(np.int8)
    replay = replay_of(close, foreseen)
    edge = break_even_bps(replay).value
    assert edge is not None
    assert replay(Costs(fee_bps=edge, slippage_bps=0)) == pytest.approx(0, abs=1e-6)
    assert replay(Costs(fee_bps=edge - 0.01, slippage_bps=0)) > 0 > replay(Costs(fee_bps=edge + 0.01, slippage_bps=0))


def test_break_even_says_why_it_is_undefined() -> None:
    """Without trades, or without an edge before costs, there is no such cost."""
    rising = np.linspace(100, 110, 10)
    assert break_even_bps(replay_of(rising, np.zeros(10))).reason == "no_trades"
    assert break_even_bps(replay_of(rising, -np.ones(10))).reason == "no_edge_before_costs"
    assert break_even_bps(replay_of(np.full(10, 100.0), TARGET)).reason == "no_edge_before_costs"
