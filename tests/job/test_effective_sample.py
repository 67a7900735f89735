import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from job.arrays import IntArray
from job.effective_sample import LEAST_LABELS, effective_rows, labels_needed, sample_warning

BAR_MS = 900_000


def bars(num_rows: int) -> IntArray:
    """Decisions at the close of consecutive bars."""
    return np.arange(1, num_rows + 1, dtype=np.int64) * BAR_MS


def slow_effective_rows(start: IntArray, end: IntArray) -> float:
    """The definition, moment by moment: each label's mean of one over the number of labels that live."""
    total = 0.0
    for own_start, own_end in zip(start.tolist(), end.tolist(), strict=True):
        moments = range(own_start, own_end)
        total += sum(1 / int(((start <= t) & (t < end)).sum()) for t in moments) / len(moments)
    return total


@pytest.mark.parametrize(
    ("num_rows", "horizon", "expected"), [(8_640, 12, 720), (2_880, 8, 360), (720, 12, 60), (50, 1, 50)]
)
def test_labels_of_one_length_count_as_one_in_h(num_rows: int, horizon: int, expected: int) -> None:
    """Thirty days at 5m, 15m and 1h: 720, 360 and 60 independent labels, and one more for the edge."""
    decision = bars(num_rows)
    found = effective_rows(decision, decision + horizon * BAR_MS)
    assert found == pytest.approx((num_rows + horizon - 1) / horizon)
    assert expected <= found < expected + 1


def test_labels_that_never_meet_all_count() -> None:
    """Half-open lives that touch do not overlap; two labels of the same life are one; none are none."""
    decision = bars(3)
    assert effective_rows(decision, decision + BAR_MS) == 3
    assert effective_rows(decision[[0, 0]], decision[[1, 1]]) == 1
    assert effective_rows(decision[:0], decision[:0]) == 0


def test_hand_vector_of_uniqueness() -> None:
    """Lives [0, 4), [2, 4) and [6, 7): uniqueness 3/4, 1/2 and 1."""
    assert effective_rows(np.array([0, 2, 6]), np.array([4, 4, 7])) == pytest.approx(2.25)


@given(st.lists(st.tuples(st.integers(0, 40), st.integers(1, 12)), min_size=1, max_size=25))
@settings(max_examples=60, deadline=None)
def test_effective_rows_is_its_definition(lives: list[tuple[int, int]]) -> None:
    """For any lives, in any order, as the sum over moments says; never above the number of rows."""
    start = np.array([s for s, _ in lives])
    end = start + np.array([length for _, length in lives])
    found = effective_rows(start, end)
    assert math.isclose(found, slow_effective_rows(start, end), rel_tol=1e-9)
    assert 0 < found <= len(lives) * (1 + 1e-12)


def test_need_grows_with_features_from_a_hundred() -> None:
    """A scale and a weight a feature want as many labels, and a hundred are the least whatever learns."""
    assert labels_needed(10) == LEAST_LABELS == 100
    assert labels_needed(71) == 142


def test_warning_comes_where_labels_are_few() -> None:
    """A month of hours warns and asks for about three; a month of quarter hours does not; the median speaks."""
    hours = sample_warning([95.0, 97.0, 400.0], num_features=60, num_days=30, flag="--window-size", flag_days=30)
    assert hours == (
        "A training span of 30 days holds about 97 independent labels, and 60 features need at least 120: do not "
        "expect much to be learned. Use --window-size 90, or shorter bars."
    )
    for enough in (360.0, 142.0):
        assert sample_warning([enough], num_features=71, num_days=30, flag="--window-size", flag_days=30) is None
    none_at_all = sample_warning([0.0], num_features=3, num_days=30, flag="--data-days", flag_days=40)
    assert none_at_all is not None
    assert "of 30 days" in none_at_all and "--data-days 8010" in none_at_all  # 40 x 2 x 100 / 1, in whole months
