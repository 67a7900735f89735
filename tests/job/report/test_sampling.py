"""Sampling errors: known numbers, and agreement with simulation."""

import itertools

import numpy as np
import pytest
from scipy.stats import spearmanr

from job.report.sampling import is_beyond_luck, sharpe_standard_error


def test_sharpe_standard_error_known_number() -> None:
    """147 days give 1.58, and 6 days 7.8."""
    assert sharpe_standard_error(147) == pytest.approx(1.576, abs=5e-4)
    assert sharpe_standard_error(6) == pytest.approx(7.8, abs=5e-3)


def test_is_beyond_luck_is_rarely_wrong_on_noise() -> None:
    """Of unrelated pairs, about one in twenty is taken for related."""
    generator = np.random.default_rng(3)
    num = 21
    correlations = [spearmanr(*generator.standard_normal((2, num))).statistic for _ in range(1000)]
    assert 0.03 < np.mean([is_beyond_luck(float(value), num) for value in correlations]) < 0.075


@pytest.mark.parametrize("num", [4, 5, 6, 7, 8])
def test_is_beyond_luck_counts_the_orders_of_few_pairs(num: int) -> None:
    """Of all orders of a few pairs at most one in twenty is taken for a relation: of four, none."""
    rank = np.arange(num) - (num - 1) / 2
    orders = np.array(list(itertools.permutations(rank)))
    found = [is_beyond_luck(float(value), num) for value in orders @ rank / (rank @ rank)]
    assert np.mean(found) <= 0.05
    assert any(found) == (num > 4)


def test_is_beyond_luck_of_nothing_is_false() -> None:
    """An undefined correlation stands out from nothing; a perfect order does."""
    assert not is_beyond_luck(float("nan"), 10)
    assert is_beyond_luck(-1.0, 5)
