"""The stress grid of a finished run."""

import numpy as np
import pytest

from job.replay import replay
from job.robustness.stress import AS_TESTED, stress_grid
from job.rules import trading_rules
from tests.support.runs import TRADED, example_run

RUN = example_run(3)
RULES = trading_rules(RUN.plan.procedure)


def test_stress_grid_begins_with_the_result_itself() -> None:
    """The first line is the account as tested, with the headline's return and daily Sharpe ratio."""
    first = stress_grid(RUN.evaluation.tests, TRADED, RULES, seed=0)[0]
    assert first.name == AS_TESTED
    assert first.account.equity.tobytes() == replay(RUN.evaluation.tests, TRADED, RULES).equity.tobytes()
    headline = RUN.evaluation.models[TRADED].measures
    assert (first.total_return, first.sharpe_ratio) == (headline["total_return"], headline["sharpe_ratio"])


def test_stress_grid_makes_each_circumstance_harder() -> None:
    """Twice and four times the fees or the slippage cost more and more; each line stands once."""
    grid = {stressed.name: stressed for stressed in stress_grid(RUN.evaluation.tests, TRADED, RULES, seed=0)}
    assert len(grid) == 8
    for cost in ("fees", "slippage"):
        falling = [grid[name].account.equity[-1] for name in (AS_TESTED, f"{cost} × 2", f"{cost} × 4")]
        assert falling == sorted(falling, reverse=True)
        assert len(set(falling)) == 3
    whole = grid[AS_TESTED].account
    assert len(grid["5% of entries missed"].account.trades) < len(whole.trades)
    assert not np.array_equal(grid["one bar later"].account.equity, whole.equity)


def test_stress_of_funding_is_paid_by_longs() -> None:
    """A basis point each eight hours is taken from longs and given to shorts, by their notional."""
    grid = {stressed.name: stressed for stressed in stress_grid(RUN.evaluation.tests, TRADED, RULES, seed=0)}
    trades = grid["funding +1 bp each 8 h"].account.trades
    assert (trades.funding * trades.side >= 0).all()
    paid = trades.funding[trades.funding != 0]
    assert len(paid)
    notional = trades.entry_notional[trades.funding != 0]
    assert np.abs(paid / notional).min() == pytest.approx(1e-4, rel=0.1)


def test_stress_grid_is_the_same_every_time() -> None:
    """Which fills are missed comes from the seed alone."""
    first, second = (stress_grid(RUN.evaluation.tests, TRADED, RULES, seed=3) for _ in range(2))
    for one, other in zip(first, second, strict=True):
        assert one.account.equity.tobytes() == other.account.equity.tobytes()


def test_spot_has_no_funding_to_stress() -> None:
    """A market without funding has one line less."""
    procedure = RUN.plan.procedure
    spot = procedure.model_copy(update={"market": procedure.market.model_copy(update={"market": "spot"})})
    assert len(stress_grid(RUN.evaluation.tests, TRADED, trading_rules(spot), seed=0)) == 7
