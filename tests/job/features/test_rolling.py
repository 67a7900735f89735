import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.lib.stride_tricks import sliding_window_view

from job.features.rolling import contrast, lagged, mean_offset_and_spread, quotient, rolling_sum, zscore


@settings(max_examples=30, deadline=None)
@given(st.lists(st.floats(-1e3, 1e3), min_size=1, max_size=40), st.integers(1, 10))
def test_rolling_sum_equals_the_sum_of_each_window(values: list[float], length: int) -> None:
    """Each row is the sum of its own window, and NaN before the window is full."""
    array = np.array(values)
    result = rolling_sum(array, length)
    assert np.isnan(result[: length - 1]).all()
    if len(array) >= length:
        expected = sliding_window_view(array, length).sum(axis=1)
        np.testing.assert_allclose(result[length - 1 :], expected, atol=1e-9)


def test_rolling_sum_keeps_nothing_of_a_value_that_has_left() -> None:
    """After a huge value has left the window the sum is exact, which a running sum would not be."""
    values = np.array([1e20, 0.1, 0.2, 0.3])
    assert rolling_sum(values, 2).tolist()[2:] == [0.1 + 0.2, 0.2 + 0.3]


def test_rolling_sum_has_the_same_bits_however_long_the_series() -> None:
    """A row's bits depend on its window alone."""
    values = np.random.default_rng(1).standard_normal(500)
    full = rolling_sum(values, 48)
    for cut in (60, 131, 499):
        assert np.array_equal(rolling_sum(values[:cut], 48), full[:cut], equal_nan=True)


def test_mean_offset_and_spread_equal_numpy() -> None:
    """The mean less the newest value and the standard deviation are those of the window."""
    values = 50_000 + np.random.default_rng(2).standard_normal(100)
    offset, spread = mean_offset_and_spread(values, 20)
    window = sliding_window_view(values, 20)
    np.testing.assert_allclose(offset[19:], window.mean(axis=1) - values[19:], atol=1e-9)
    np.testing.assert_allclose(spread[19:], window.std(axis=1), rtol=1e-9)
    assert np.isnan([offset[:19], spread[:19]]).all()
    assert np.isnan(mean_offset_and_spread(values[:19], 20)).all()


def test_zscore_of_one_outlier_is_a_known_number() -> None:
    """One newest value apart from n - 1 equal ones stands sqrt(n - 1) deviations out, and equal ones at 0."""
    np.testing.assert_allclose(zscore(np.array([0.1] * 9 + [0.7]), 10)[-1], 3)
    assert zscore(np.full(30, 0.1), 20)[-1] == 0.0


def test_lagged_moves_values_back() -> None:
    """A lag beyond the series leaves nothing."""
    assert lagged(np.array([1.0, 2.0, 3.0]), 1).tolist()[1:] == [1.0, 2.0]
    assert np.isnan(lagged(np.array([1.0, 2.0]), 5)).all()


def test_quotient_of_nothing_by_nothing_is_zero() -> None:
    """0/0 is 0 without a warning, and NaN stays NaN."""
    result = quotient(np.array([0.0, 1.0, np.nan]), np.array([0.0, 4.0, 2.0]))
    assert result[:2].tolist() == [0.0, 0.25]
    assert np.isnan(result[2])


def test_contrast_is_bounded_and_odd() -> None:
    """Contrast lies in [-1, 1], changes its sign with its arguments, and is 0 for nothing."""
    left, right = np.array([3.0, 0.0, 0.0]), np.array([1.0, 2.0, 0.0])
    assert contrast(left, right).tolist() == [0.5, -1.0, 0.0]
    assert contrast(right, left).tolist() == [-0.5, 1.0, 0.0]
