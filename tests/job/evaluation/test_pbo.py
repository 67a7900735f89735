import numpy as np
import pytest

from job.arrays import FloatArray
from job.evaluation.pbo import backtest_overfitting, pbo
from tests.support.overfitting import slow_pbo


def noise(num_trials: int, num_days: int, seed: int) -> FloatArray:
    """Trials without skill."""
    return np.random.default_rng(seed).normal(0, 0.01, (num_trials, num_days))


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize(("num_trials", "num_days", "num_blocks"), [(10, 147, 8), (11, 61, 6), (13, 20, 4)])
def test_pbo_is_the_one_that_loops_find(num_trials: int, num_days: int, num_blocks: int, seed: int) -> None:
    """For blocks of equal and unequal length, even and odd numbers of trials."""
    returns = noise(num_trials, num_days, seed)
    assert pbo(returns, num_blocks=num_blocks) == pytest.approx(slow_pbo(returns, num_blocks), abs=1e-12)


def test_pbo_knows_one_real_trial_from_luck() -> None:
    """A trial that earns every week wins inside and outside; one that earned in a single half does not."""
    returns = noise(12, 144, 1)
    returns[3] += 0.02
    assert pbo(returns, num_blocks=8) == 0
    lucky = noise(12, 144, 2) * 0.001
    lucky += np.where(np.arange(144) // 18 % 2 == np.arange(12)[:, None] % 2, 0.01, -0.01)
    assert pbo(lucky, num_blocks=8) > 0.5


def test_pbo_of_equal_trials_is_of_the_middle_rank() -> None:
    """Trials that never trade are all in the middle, which is not above it."""
    assert pbo(np.zeros((10, 40)), num_blocks=8) == 1


def test_pbo_refuses_odd_blocks_and_unknown_days() -> None:
    """Halves need an even number, and a rank needs every trial."""
    with pytest.raises(ValueError, match="even"):
        pbo(noise(10, 40, 0), num_blocks=5)
    returns = noise(10, 40, 0)
    returns[0, 0] = np.nan
    with pytest.raises(ValueError, match="finite"):
        pbo(returns, num_blocks=4)


@pytest.mark.parametrize(
    ("num_trials", "num_days", "num_blocks", "reason"),
    [
        (0, 147, 0, "too_few_trials"),
        (9, 147, 8, "too_few_trials"),
        (10, 147, 8, None),
        (10, 40, 8, None),
        (10, 39, 6, None),
        (10, 29, 4, None),
        (10, 19, 2, "too_short"),
        (10, 0, 0, "too_few_trials"),
    ],
)
def test_backtest_overfitting_says_what_it_is_taken_from(
    num_trials: int, num_days: int, num_blocks: int, reason: str | None
) -> None:
    """Ten trials and blocks of five days are needed, eight blocks are taken where the days suffice."""
    found = backtest_overfitting(noise(num_trials, num_days, 3))
    assert found.probability.reason == reason
    if reason is None:
        assert (found.num_trials, found.num_days, found.num_blocks) == (num_trials, num_days, num_blocks)


def test_backtest_overfitting_keeps_to_common_days() -> None:
    """Days that one trial lacks are left for all; a trial with less than half of the days is left itself."""
    returns = noise(12, 100, 4)
    returns[0, :20] = np.nan
    returns[1, :51] = np.nan
    found = backtest_overfitting(returns)
    assert (found.num_trials, found.num_days, found.num_blocks) == (11, 80, 8)
    kept = np.delete(returns, 1, axis=0)[:, 20:]
    assert found.probability.value == pbo(kept, num_blocks=8)
