"""Labels that are not about the side of the next move: how much the market moves, and a move that is over."""

from dataclasses import replace
from functools import partial

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from job.data.klines import Klines
from job.intervals import HOUR_MS
from job.labels import UNKNOWN_MS, Labels, pine_labels, volatility_labels
from job.pine.neighbours import trailing_labels
from tests.job import test_labels
from tests.job.test_labels import PER_DAY, make_bars
from tests.support.klines import START_MS, random_klines, without_bars


def with_closes(*close: float) -> Klines:
    """Hourly bars that close there."""
    return make_bars(*[(c, c * 1.001, c * 0.999, c) for c in close])


@pytest.mark.parametrize("make_labels", [partial(volatility_labels, horizon_bars=6), pine_labels])
def test_new_labels_dated_too_early_fail_the_poison_test(make_labels: object) -> None:
    """The test above sees it where one of these says that it was known a bar before it was."""

    def too_early(klines: Klines) -> Labels:
        labels = make_labels(klines)
        return replace(labels, end_ms=np.where(labels.end_ms < UNKNOWN_MS, labels.end_ms - HOUR_MS, UNKNOWN_MS))

    with pytest.raises(AssertionError):
        for cut_bar in (40, 57, 71):
            test_labels.test_labels_depend_on_nothing_after_they_are_known(too_early, cut_bar)


def test_pine_labels_of_hand_made_bars() -> None:
    """Down after a rise over four bars and up after a fall, known at the bar's own close; equal closes say nothing."""
    labels = pine_labels(with_closes(100, 101, 102, 103, 104, 100, 102, 90))
    np.testing.assert_array_equal(labels.up, [np.nan] * 4 + [0, 1, np.nan, 1])
    assert ((labels.end_ms[[4, 5, 7]] - START_MS) / HOUR_MS).tolist() == [5, 6, 8]
    assert (labels.end_ms[[0, 3, 6]] == UNKNOWN_MS).all()
    assert labels.reach_ms == 4 * HOUR_MS


def test_pine_labels_are_the_indicators() -> None:
    """Its own training labels, bar by bar, on a chart without holes."""
    klines = random_klines(500, "1h", seed=8)
    expected = trailing_labels(klines.close)
    found = pine_labels(klines)
    assert (np.where(np.isnan(found.up), 0, 2 * found.up - 1) == expected).all()
    assert {-1, 1} <= set(expected.tolist())


def test_pine_labels_reach_no_further_than_they_say() -> None:
    """Over a missing bar there is none; prices before the stated interval change no label, those at its start do."""
    whole = random_klines(60, "1h", seed=3)
    holed = pine_labels(without_bars(whole, 30, 31))
    assert np.isnan(holed.up[30:34]).all() and np.isfinite(holed.up[[29, 34, 35]]).all()
    at = 40
    first = at - pine_labels(whole).reach_ms // HOUR_MS
    for bar, changes in ((first - 1, False), (first, True)):
        close = whole.close.copy()
        close[bar] = 2 * whole.close[at] - close[bar] if changes else 1e6
        assert (pine_labels(replace(whole, close=close)).up[at] != pine_labels(whole).up[at]) == changes


def test_volatility_labels_of_hand_made_bars() -> None:
    """Up where the next bars move more than the day before did, either way; known when the last of them closes."""
    calm, wild = 0.01, 0.03
    steps = np.where(np.arange(60) % 2, 1.0, -1.0) * np.where(np.arange(60) >= 40, wild, calm)
    klines = with_closes(*100 * np.exp(np.cumsum(steps)))
    labels = volatility_labels(klines, horizon_bars=3)
    assert np.isnan(labels.up[:PER_DAY]).all() and np.isnan(labels.up[-3:]).all()
    # The mean square of one wild and two calm moves is (9 + 1 + 1) / 3 of a calm one's.
    assert (labels.up[37:46] == 1).all()
    assert (labels.end_ms[37] - START_MS) / HOUR_MS == 37 + 3 + 1
    mirrored = volatility_labels(replace(klines, close=1e4 / klines.close), horizon_bars=3)
    known = np.arange(37, 57)
    np.testing.assert_array_equal(mirrored.up[known], labels.up[known])
    falling = 100 * np.exp(np.cumsum(np.where(np.arange(60) >= 40, calm, wild) * np.where(np.arange(60) % 2, 1, -1)))
    assert (volatility_labels(with_closes(*falling), horizon_bars=3).up[37:56] == 0).all()


@given(st.integers(0, 10_000), st.integers(1, 8))
@settings(max_examples=15, deadline=None)
def test_volatility_labels_equal_a_walk_along_the_prices(seed: int, horizon_bars: int) -> None:
    """The arrays say what a loop over each bar's day and future says."""
    klines = random_klines(60, "1h", seed=seed)
    labels = volatility_labels(klines, horizon_bars=horizon_bars)

    def mean_square(first: int, last: int) -> float:
        return float(np.mean([np.log(klines.close[bar] / klines.close[bar - 1]) ** 2 for bar in range(first, last)]))

    for bar in range(PER_DAY, 60 - horizon_bars):
        more = mean_square(bar + 1, bar + 1 + horizon_bars) > mean_square(bar + 1 - PER_DAY, bar + 1)
        assert labels.up[bar] == more
    assert np.isnan(labels.up[60 - horizon_bars :]).all()


@pytest.mark.parametrize(("missing", "is_labelled"), [(1, True), (2, False)])
def test_volatility_labels_cross_one_missing_bar_but_not_two(missing: int, is_labelled: bool) -> None:
    """Their future begins at the decision's own close, so the hole is met a bar later."""
    labels = volatility_labels(without_bars(random_klines(80, "1h", seed=3), 50, 50 + missing), horizon_bars=4)
    assert np.isfinite(labels.up[45:51]).tolist() == [True] + [is_labelled] * 4 + [True]
