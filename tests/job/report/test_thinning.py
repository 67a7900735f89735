"""Thinned lines keep every peak that could be seen."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from job.report.thinning import MAX_POINTS, rows_to_draw


@given(seed=st.integers(0, 2**16), num=st.integers(1, 400), max_points=st.integers(4, 60))
@settings(max_examples=60, deadline=None)
def test_rows_to_draw_keep_ends_and_extremes(seed: int, num: int, max_points: int) -> None:
    """The first, the last, the lowest and the highest value survive, in order, within the limit."""
    values = np.random.default_rng(seed).standard_normal(num)
    rows = rows_to_draw(values, max_points=max_points)
    assert len(rows) <= max_points
    assert (np.diff(rows) > 0).all()
    assert rows[0] == 0
    assert rows[-1] == num - 1
    assert values[rows].min() == values.min()
    assert values[rows].max() == values.max()


def test_rows_to_draw_leave_short_series_alone() -> None:
    """Nothing is dropped that fits."""
    np.testing.assert_array_equal(rows_to_draw(np.zeros(MAX_POINTS)), np.arange(MAX_POINTS))


def test_rows_to_draw_keep_each_stretch() -> None:
    """A single spike in the middle of 50,000 bars is drawn."""
    values = np.zeros(50_000)
    values[31_415] = -1
    assert 31_415 in rows_to_draw(values)
