import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from job.intervals import DAY_MS
from job.sample_weights import HALF_LIFE_DAYS, average_uniqueness, balanced, recency, sample_weights

lives = st.lists(st.tuples(st.integers(0, 40), st.integers(1, 15)), min_size=1, max_size=30)


def times(*values: int) -> np.ndarray:
    """Moments as labels have them."""
    return np.array(values, dtype=np.int64)


def slow_uniqueness(start: np.ndarray, end: np.ndarray) -> np.ndarray:
    """Moment by moment, counting who lives."""
    living = {moment: int(((start <= moment) & (moment < end)).sum()) for moment in range(int(end.max()))}
    return np.array([np.mean([1 / living[moment] for moment in range(s, e)]) for s, e in zip(start, end, strict=True)])


def test_average_uniqueness_of_hand_made_labels() -> None:
    """Alone 1; two on the same interval a half each; half shared with one other, three quarters."""
    assert average_uniqueness(times(0, 10), times(5, 12)).tolist() == [1, 1]
    assert average_uniqueness(times(3, 3), times(9, 9)).tolist() == [0.5, 0.5]
    assert average_uniqueness(times(0, 2), times(4, 6)).tolist() == [0.75, 0.75]
    assert average_uniqueness(times(0, 4), times(4, 8)).tolist() == [1, 1]


@given(lives)
@settings(max_examples=40, deadline=None)
def test_average_uniqueness_equals_a_count_at_every_moment(each: list[tuple[int, int]]) -> None:
    """For labels of any start and length, in any order."""
    start = np.array([s for s, _ in each], dtype=np.int64)
    end = start + np.array([length for _, length in each], dtype=np.int64)
    found = average_uniqueness(start, end)
    np.testing.assert_allclose(found, slow_uniqueness(start, end), rtol=1e-12)
    assert ((found > 0) & (found <= 1 + 1e-12)).all()


def test_average_uniqueness_refuses_labels_without_a_life() -> None:
    """A label that ends where it starts has no mean over its life."""
    with pytest.raises(ValueError, match="end after it starts"):
        average_uniqueness(times(0, 5), times(3, 5))


def test_recency_halves_with_the_half_life() -> None:
    """1 for the newest, a half and a quarter one and two half-lives before it; an endless one forgets nothing."""
    known = times(0, 10 * DAY_MS, 20 * DAY_MS)
    assert recency(known, half_life_days=10).tolist() == [0.25, 0.5, 1]
    assert recency(known, half_life_days=np.inf).tolist() == [1, 1, 1]
    assert recency(known[:1])[0] == 1
    for wrong in (0.0, -1.0, float("nan")):
        with pytest.raises(ValueError, match="half-life"):
            recency(known, half_life_days=wrong)


def test_default_half_life_costs_four_percent_of_the_sample() -> None:
    """As the constant's reason says: over thirty days, and what a week would cost."""
    known = (np.linspace(0, 30, 100_001) * DAY_MS).astype(np.int64)

    def share_left(half_life_days: float) -> float:
        weight = recency(known, half_life_days=half_life_days)
        return float(weight.mean() ** 2 / np.square(weight).mean())

    assert share_left(HALF_LIFE_DAYS) == pytest.approx(0.96, abs=0.005)
    assert share_left(7.0) == pytest.approx(0.61, abs=0.01)


@given(lives, st.integers(-1000, 1000))
@settings(max_examples=30, deadline=None)
def test_sample_weights_have_a_mean_of_one(each: list[tuple[int, int]], shift: int) -> None:
    """Whatever the labels; they follow the rows' order, and only distances in time matter."""
    start = np.array([s for s, _ in each], dtype=np.int64) * DAY_MS
    end = start + np.array([length for _, length in each], dtype=np.int64) * DAY_MS
    weight = sample_weights(start, end)
    assert weight.mean() == pytest.approx(1)
    assert (weight > 0).all()
    np.testing.assert_allclose(sample_weights(start[::-1], end[::-1]), weight[::-1], rtol=1e-9)
    moved = sample_weights(start + shift * DAY_MS, end + shift * DAY_MS)
    np.testing.assert_allclose(moved, weight, rtol=1e-9)


def test_sample_weights_prefer_the_newer_and_the_lonelier() -> None:
    """Of two labels alike but for their age the newer counts more; of two of one age, the one that shares less."""
    day = DAY_MS
    start, end = times(0, 5 * day, 5 * day, 40 * day), times(day, 6 * day, 6 * day, 41 * day)
    weight = sample_weights(start, end)
    assert weight[3] > weight[0] > weight[1] == weight[2]
    assert len(sample_weights(times(), times())) == 0


def test_balanced_labels_count_the_same() -> None:
    """Three rows of one label and one of the other weigh the same together, each kind in its own proportions."""
    weights = balanced(np.array([0.0, 0.0, 0.0, 1.0]), np.array([1.0, 2.0, 1.0, 4.0]))
    np.testing.assert_allclose(weights, [0.5, 1.0, 0.5, 2.0])
    np.testing.assert_allclose(balanced(np.array([0.0, 1.0]), np.array([1.0, 1.0])), [1.0, 1.0])
