from collections import deque

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from job.pine import neighbours
from job.pine.neighbours import chain_votes, trailing_labels
from tests.support.pine_by_hand import votes_by_hand


def test_labels_are_the_past_move_inverted() -> None:
    """Four bars make a label: below the price of four bars ago is long, above is short, equal is neither."""
    close = np.array([100.0, 101, 102, 103, 104, 99, 102, 103.5])
    assert trailing_labels(close).tolist() == [0, 0, 0, 0, -1, 1, 0, -1]


def test_votes_of_five_bars_by_hand() -> None:
    """Links are carried on, equal distances clear, smaller ones do not, and bars 0 and 4 never vote.

    Bar 1 links itself; bar 2 links bar 1 at 2; bar 3 links bar 1 at 1 and bar 2 at 1; bar 4 links 1 and 2, not 3.
    """
    features, labels = np.array([[0.0], [1], [3], [2], [0]]), np.array([1000, 1, 10, 100, 1000])
    assert chain_votes(features, labels, np.zeros(5, dtype=np.int64)).tolist() == [0, 1, 2, 2 + 11, 2 + 11 + 11]


def test_chain_falls_back_to_three_quarters_when_it_overflows() -> None:
    """The ninth link drops the oldest, and the next must clear the seventh's distance, not the ninth's."""
    chain: deque[tuple[float, int]] = deque()
    distances = np.array([1.0, 2, 3, 4, 5, 6, 7, 8, 9, 6.5, 7.5, 7.2])
    neighbours._extend(chain, distances, np.arange(12))
    assert [label for _, label in chain] == [2, 3, 4, 5, 6, 7, 8, 10]  # 7.5 clears 7 and leaves 8 to be cleared


def test_unknown_features_neither_ask_nor_vote() -> None:
    """A bar without features leaves the chain as it is, and is nobody's neighbour."""
    features, labels = np.array([[0.0], [1], [np.nan], [2]]), np.array([1, 1, 1, 1])
    assert chain_votes(features, labels, np.zeros(4, dtype=np.int64)).tolist() == [0, 1, 1, 2]


@settings(max_examples=15, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    num_bars=st.integers(1, 120),
    reach=st.integers(5, 200),
    chunk=st.integers(1, 70),
)
def test_votes_are_those_of_the_loop_by_hand(seed: int, num_bars: int, reach: int, chunk: int) -> None:
    """Whatever the features, unknown ones among them, the start and the chunk: the sums of the plain loop."""
    generator = np.random.default_rng(seed)
    features = generator.random((num_bars, 3))
    features[: num_bars // 5] = np.nan
    labels = generator.integers(-1, 2, num_bars)
    first = np.maximum(num_bars // 3, np.arange(num_bars) - reach)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(neighbours, "CHUNK_BARS", chunk)
        assert chain_votes(features, labels, first).tolist() == votes_by_hand(features, labels, first)
