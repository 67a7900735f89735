import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from job.model.scaling import CLIP, RobustScaler


def fit_transform(*values: float) -> np.ndarray:
    """One feature scaled by itself."""
    column = np.array(values, dtype=np.float32).reshape(-1, 1)
    return RobustScaler.fit(column).transform(column)[:, 0]


def test_robust_scaler_by_hand() -> None:
    """Median 3 and interquartile range 2; one range above the median gives 1 / sqrt(1 + 1/9)."""
    scaler = RobustScaler.fit(np.array([[1], [2], [3], [4], [5]], dtype=np.float32))
    assert (scaler.center.item(), scaler.range.item()) == (3.0, 2.0)
    scaled = scaler.transform(np.array([[3], [5], [1]], dtype=np.float32))[:, 0]
    np.testing.assert_allclose(scaled, [0, 1 / np.sqrt(1 + 1 / 9), -1 / np.sqrt(1 + 1 / 9)], rtol=1e-6)


@given(st.lists(st.floats(-1e6, 1e6, width=32), min_size=3, max_size=40))
@settings(max_examples=60, deadline=None)
def test_transform_keeps_order_and_bounds(values: list[float]) -> None:
    """Scaling is monotone, and nothing leaves [-3, 3]."""
    scaled = fit_transform(*values)
    assert (np.abs(scaled) <= CLIP).all()
    assert (np.diff(scaled[np.argsort(values, kind="stable")]) >= 0).all()


@given(st.integers(0, 1000), st.sampled_from([1e-4, 1.0, 1e4]), st.floats(-5, 5))
@settings(max_examples=30, deadline=None)
def test_transform_ignores_units(seed: int, unit: float, shift: float) -> None:
    """A feature in other units, from another zero, is the same feature."""
    values = np.random.default_rng(seed).standard_normal(50)
    np.testing.assert_allclose(fit_transform(*values), fit_transform(*(unit * (values + shift))), atol=2e-4)


@pytest.mark.parametrize("value", [0.0, 0.1, -1e6, 3e-12])
@pytest.mark.parametrize("num_rows", [1, 20_000])
def test_fit_only_centres_a_constant(value: float, num_rows: int) -> None:
    """A feature that never varied in training keeps its unit: a range made of rounding noise would blow it up."""
    scaler = RobustScaler.fit(np.full((num_rows, 2), value, dtype=np.float32))
    assert scaler.range.tolist() == [1.0, 1.0]
    assert scaler.transform(np.full((1, 2), value, dtype=np.float32)).tolist() == [[0.0, 0.0]]


def test_fit_falls_back_to_the_deviation_of_a_rare_flag() -> None:
    """Where three quarters of the rows are equal, the standard deviation is the unit."""
    flag = np.zeros((400, 1), dtype=np.float32)
    flag[:4] = 1
    assert RobustScaler.fit(flag).range.item() == pytest.approx(np.sqrt(0.01 * 0.99), rel=1e-6)


def test_transform_clips_the_largest_floats() -> None:
    """The clip holds for anything that float32 can hold; a crash of the feature is not a zero."""
    scaler = RobustScaler(center=np.zeros(1, dtype=np.float32), range=np.ones(1, dtype=np.float32))
    scaled = scaler.transform(np.array([[1e10], [1e25], [3e38], [-3e38]], dtype=np.float32))[:, 0]
    np.testing.assert_allclose(scaled, [3, 3, 3, -3], rtol=1e-6)


def test_transform_does_not_refit() -> None:
    """Rows are scaled alike, whatever stands beside them."""
    generator = np.random.default_rng(0)
    rows = generator.standard_normal((30, 3)).astype(np.float32)
    scaler = RobustScaler.fit(rows)
    poisoned = np.concatenate([rows, 1000 * rows])
    np.testing.assert_array_equal(scaler.transform(poisoned)[:30], scaler.transform(rows))
