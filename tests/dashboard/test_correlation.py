"""Correlations, their intervals and what may be luck."""

import numpy as np
import pytest
from scipy import stats

from dashboard.correlation import beyond_luck, clustered_order, correlation_interval, slope_with_interval
from job.report.window_correlation import correlate


def test_correlation_equals_scipy_with_ties_and_gaps() -> None:
    """Ranks share their mean; pairs with a gap are left out; both methods."""
    rng = np.random.default_rng(1)
    x, y = rng.integers(0, 6, 40).astype(float), rng.normal(size=40)
    x[3], y[5] = np.nan, np.nan
    known = np.isfinite(x) & np.isfinite(y)
    assert correlate(x, y, "spearman") == pytest.approx(stats.spearmanr(x[known], y[known]).statistic)
    assert correlate(x, y, "pearson") == pytest.approx(stats.pearsonr(x[known], y[known]).statistic)


def test_correlation_of_a_constant_is_undefined() -> None:
    """NaN, not 0: nothing is known of how a constant moves."""
    assert np.isnan(correlate(np.ones(10), np.arange(10.0), "spearman"))
    assert np.isnan(correlate(np.arange(3.0), np.arange(3.0), "spearman"))


def test_beyond_luck_holds_its_share_of_false_finds() -> None:
    """Of 100 tables of noise about 5 show anything at all; a strong pair is found."""
    rng = np.random.default_rng(2)
    num = np.full((6, 6), 60)
    found = [bool(beyond_luck(np.corrcoef(rng.normal(size=(6, 60))), num).any()) for _ in range(100)]
    assert sum(found) <= 12
    strong = np.eye(3)
    strong[0, 1] = strong[1, 0] = 0.9
    np.testing.assert_array_equal(np.argwhere(beyond_luck(strong, np.full((3, 3), 30))), [[0, 1], [1, 0]])


def test_interval_holds_the_number_and_shrinks() -> None:
    """It lies around the number, within -1 and 1, and more pairs make it narrower; three pairs have none."""
    low, high = correlation_interval(0.5, 20) or (0.0, 0.0)
    lower, higher = correlation_interval(0.5, 200) or (0.0, 0.0)
    assert -1 < low < lower < 0.5 < higher < high < 1
    assert correlation_interval(0.5, 3) is None
    assert correlation_interval(float("nan"), 30) is None


def test_clusters_put_together_what_moves_together() -> None:
    """Two pairs that alternate in the table stand side by side in the order; every row appears once."""
    value = np.eye(4)
    for a, b in ((0, 2), (1, 3)):
        value[a, b] = value[b, a] = -0.95
    order = clustered_order(value)
    assert sorted(order) == [0, 1, 2, 3]
    assert abs(order.index(0) - order.index(2)) == abs(order.index(1) - order.index(3)) == 1


def test_slope_is_least_squares_with_the_truth_inside() -> None:
    """Equal to scipy's slope; the planted 0.5 lies in the interval; a constant x has none."""
    rng = np.random.default_rng(3)
    x = rng.normal(size=80)
    y = 0.5 * x + rng.normal(scale=0.3, size=80)
    slope, low, high = slope_with_interval(x, y) or (0.0, 0.0, 0.0)
    assert slope == pytest.approx(stats.linregress(x, y).slope)
    assert low < 0.5 < high
    assert slope_with_interval(np.ones(9), y[:9]) is None
