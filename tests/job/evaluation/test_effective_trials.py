import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from job.arrays import FloatArray
from job.evaluation.effective_trials import effective_trials, pairwise_correlation


def similar(num_trials: int, num_days: int, correlation: float, seed: int = 0) -> FloatArray:
    """Trials that share a part of each day's luck."""
    rng = np.random.default_rng(seed)
    shared, own = rng.normal(size=num_days), rng.normal(size=(num_trials, num_days))
    together: FloatArray = 0.01 * (correlation**0.5 * shared + (1 - correlation) ** 0.5 * own)
    return together


def test_effective_trials_lie_between_one_and_all() -> None:
    """Copies are worth one, strangers their number, and a mean correlation r of N gives r + (1 - r) N."""
    one = similar(1, 200, 0.0)
    assert effective_trials(1, one) == 1
    assert effective_trials(6, np.repeat(one, 6, axis=0)) == pytest.approx(1)
    strangers = similar(20, 5_000, 0.0)
    assert effective_trials(20, strangers) == pytest.approx(20, abs=0.3)
    close = similar(20, 5_000, 0.7)
    mean = np.corrcoef(close)[np.triu_indices(20, k=1)].mean()
    assert effective_trials(20, close) == pytest.approx(mean + (1 - mean) * 20)
    assert effective_trials(20, close) == pytest.approx(0.7 + 0.3 * 20, abs=0.4)


def test_effective_trials_never_exceed_their_number() -> None:
    """Trials that move against each other are not more than they are."""
    up = similar(1, 100, 0.0)
    assert effective_trials(2, np.concatenate([up, -up])) == 2


def test_effective_trials_assume_no_similarity() -> None:
    """Who has no result, too few days in common or no variance counts in full."""
    pair = np.repeat(similar(1, 60, 0.0), 2, axis=0)
    assert effective_trials(2, pair) == pytest.approx(1)
    assert effective_trials(4, pair) == pytest.approx(4 - 3 * (1 / 6))
    assert effective_trials(3, np.empty((0, 60))) == 3
    apart = pair.copy()
    apart[0, :25], apart[1, 25 + 29 :] = np.nan, np.nan  # 29 days left in common
    assert effective_trials(2, apart) == 2
    apart[1, 25 + 29] = pair[1, 25 + 29]
    assert effective_trials(2, apart) == pytest.approx(1)
    assert effective_trials(2, np.stack([pair[0], np.full(60, 0.001)])) == 2


@pytest.mark.parametrize("num_trials", [0, 1])
def test_effective_trials_refuse_more_results_than_trials(num_trials: int) -> None:
    """A result belongs to a trial, and there is at least one."""
    with pytest.raises(ValueError, match="trials have a result"):
        effective_trials(num_trials, np.zeros((2 * num_trials, 40)))


@given(
    seed=st.integers(0, 10_000), num_trials=st.integers(1, 12), correlation=st.floats(0, 1), mixture=st.floats(-2, 2)
)
@settings(max_examples=80, deadline=None)
def test_another_trial_never_lowers_the_effective_number(
    *, seed: int, num_trials: int, correlation: float, mixture: float
) -> None:
    """However much a new trial resembles those before it, and though it has no result."""
    rng = np.random.default_rng(seed)
    before = similar(num_trials, 40, correlation, seed)
    new = mixture * before.mean(axis=0) + rng.normal(0, 0.01 * rng.random(), 40)
    count = effective_trials(num_trials, before)
    assert effective_trials(num_trials + 1, np.vstack([before, new])) >= count - 1e-9
    assert effective_trials(num_trials + 1, before) >= count


@pytest.mark.parametrize("seed", range(5))
def test_pairwise_correlation_is_that_of_the_common_days(seed: int) -> None:
    """On days of any pattern it is numpy's, pair by pair, and unknown on fewer than thirty."""
    rng = np.random.default_rng(seed)
    returns = similar(7, 80, 0.5, seed) + 0.003
    returns[rng.random(returns.shape) < 0.3] = np.nan
    found = pairwise_correlation(returns)
    for i in range(7):
        for j in range(7):
            common = np.isfinite(returns[i]) & np.isfinite(returns[j])
            if common.sum() < 30:
                assert np.isnan(found[i, j])
            else:
                assert found[i, j] == pytest.approx(np.corrcoef(returns[i, common], returns[j, common])[0, 1])
