import numpy as np
import pytest

from job.arrays import FloatArray
from job.evaluation.deflation import deflate
from job.evaluation.sharpe import psr

NUM_DAYS = 147


def trials(num_trials: int, correlation: float, seed: int = 0) -> FloatArray:
    """Trials without skill that share a part of their luck."""
    rng = np.random.default_rng(seed)
    shared, own = rng.normal(size=NUM_DAYS), rng.normal(size=(num_trials, NUM_DAYS))
    together: FloatArray = 0.01 * (correlation**0.5 * shared + (1 - correlation) ** 0.5 * own)
    return together


def test_single_trial_owes_nothing() -> None:
    """One trial is worth one, deflates by nothing, and cannot have been picked from others."""
    returns = trials(1, 0.0)
    found = deflate(returns[0] + 0.001, returns, num_trials=1)
    assert (found.num_trials, found.effective_trials) == (1, 1.0)
    assert found.dsr == found.dsr_of_all_trials == psr(returns[0] + 0.001)
    assert found.overfitting.probability.reason == "too_few_trials"


def test_similar_trials_deflate_less_than_strangers() -> None:
    """The effective number lies between, and counting all as independent never believes more."""
    for correlation in (0.0, 0.5, 0.9):
        returns = trials(30, correlation)
        found = deflate(returns[0] + 0.002, returns, num_trials=30)
        assert found.effective_trials == pytest.approx(correlation + (1 - correlation) * 30, abs=3)
        assert found.dsr_of_all_trials.rank <= found.dsr.rank <= psr(returns[0] + 0.002).rank
        assert found.overfitting.num_trials == 30


def test_every_trial_deflates() -> None:
    """One more, similar or not, with a result or without, never raises the deflated ratio."""
    returns = trials(20, 0.6, seed=1)
    returns *= 0.01 / returns.std(axis=1, ddof=1, keepdims=True)
    returns -= returns.mean(axis=1, keepdims=True)  # no spread of their own, so that only the number counts
    own = returns[0] + 0.002
    values = [deflate(own, returns[:count], num_trials=count).dsr.rank for count in range(1, 21)]
    assert values == sorted(values, reverse=True)
    assert len(set(values)) == len(values)
    assert deflate(own, returns, num_trials=21).dsr.rank < values[-1]


def test_few_days_say_nothing_of_the_spread() -> None:
    """A trial with a wild ratio on a few common days counts, but widens nothing."""
    returns = trials(3, 0.0)
    returns[2, 5:] = np.nan
    returns[2, :5] = 1 + 0.001 * np.arange(5)
    calm = returns.copy()
    calm[2] = np.nan
    assert deflate(returns[0], returns, num_trials=3).dsr == deflate(returns[0], calm, num_trials=3).dsr


def test_trial_that_never_traded_has_no_ratio() -> None:
    """Flat trials count, and their nothing is not taken for a ratio of 0 that would narrow the others' spread."""
    rng = np.random.default_rng(3)
    traded = 0.01 * (rng.normal(size=(15, NUM_DAYS)) + rng.normal(0, 0.3, size=(15, 1)))
    own = traded[np.argmax(traded.mean(axis=1))]
    without, with_flat = (
        deflate(own, returns, num_trials=100) for returns in (traded, np.vstack([traded, np.zeros((85, NUM_DAYS))]))
    )
    assert with_flat.num_trials == 100
    assert with_flat.dsr_of_all_trials == without.dsr_of_all_trials
    assert with_flat.dsr == without.dsr
    assert without.dsr_of_all_trials.rank < 0.5


def test_luck_sharpe_is_what_the_deflated_ratio_asks_for() -> None:
    """Per year, it is the benchmark against which the plain probability equals the deflated one; 0 for one trial."""
    returns = trials(20, 0.3, seed=4)
    own = returns[0] + 0.001
    found = deflate(own, returns, num_trials=20)
    assert found.luck_sharpe.value is not None
    assert psr(own, benchmark=found.luck_sharpe.value / 365**0.5).value == pytest.approx(found.dsr.value, rel=1e-12)
    assert deflate(own, returns[:1], num_trials=1).luck_sharpe.value == 0
    assert deflate(own[:20], returns[:, :20], num_trials=20).luck_sharpe.reason == "too_short"
