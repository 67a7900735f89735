from dataclasses import replace
from functools import partial

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from job.arrays import FloatArray
from job.data.klines import Klines
from job.intervals import HOUR_MS
from job.labels import (
    UNKNOWN_MS,
    Labels,
    barrier_width,
    fixed_labels,
    pine_labels,
    triple_barrier_labels,
    volatility_labels,
)
from tests.support.klines import START_MS, random_klines, without_bars

Bar = tuple[float, float, float, float]
DECISION: Bar = (90, 91, 89, 90)  # its prices must not matter
ENTRY: Bar = (100, 100.5, 99.5, 100.2)
CALM: Bar = (100.2, 100.6, 99.6, 100.1)
PER_DAY = 24


def make_bars(*bars: Bar) -> Klines:
    """Hourly bars from open, high, low, close."""
    opened, high, low, close = np.array(bars, dtype=np.float64).T
    open_time = START_MS + HOUR_MS * np.arange(len(bars), dtype=np.int64)
    return Klines(
        interval="1h",
        open_time=open_time,
        open=opened,
        high=high,
        low=low,
        close=close,
        volume=np.ones(len(bars)),
    )


def first_label(klines: Klines, *, horizon_bars: int = 3, width: float = 0.01) -> tuple[float, float]:
    """The triple-barrier label of bar 0, and how many hours after the first open it became known."""
    labels = triple_barrier_labels(klines, horizon_bars=horizon_bars, width=np.full(len(klines), width))
    return labels.up[0], (labels.end_ms[0] - START_MS) / HOUR_MS


@pytest.mark.parametrize(
    ("bars", "up", "end_bar"),
    [
        pytest.param([ENTRY, CALM, (100, 101.5, 99.9, 101), CALM, CALM], 1, 4, id="upper first"),
        pytest.param([ENTRY, (100, 100.4, 98.5, 99), (99, 103, 99, 103), CALM, CALM], 0, 3, id="lower first"),
        pytest.param([(100, 101, 99.5, 100), CALM, CALM, CALM], 1, 2, id="exactly the barrier"),
        pytest.param([ENTRY, (102, 103, 98, 98.5), CALM, CALM], 1, 3, id="opens above both met"),
        pytest.param([ENTRY, (98, 102, 97, 101.5), CALM, CALM], 0, 3, id="opens below both met"),
        pytest.param([ENTRY, (98, 98.5, 97, 98), CALM, CALM], 0, 3, id="gap through lower"),
        pytest.param([ENTRY, (100, 102, 98, 100.5), CALM, CALM], 1, 3, id="both in a bar that closes above entry"),
        pytest.param([ENTRY, (100, 102, 98, 99.9), CALM, CALM], 0, 3, id="both in a bar that closes below entry"),
        pytest.param([ENTRY, CALM, CALM, (100.3, 120, 50, 100)], 1, 4, id="timeout above"),
        pytest.param([ENTRY, CALM, CALM, (99.9, 120, 50, 100)], 0, 4, id="timeout below"),
    ],
)
def test_triple_barrier_labels_of_hand_made_bars(bars: list[Bar], up: float, end_bar: int) -> None:
    """The label is the side that the text names, known when that bar closes, or at the timeout's open."""
    assert first_label(make_bars(DECISION, *bars)) == (up, end_bar)


def test_triple_barrier_labels_end_with_the_data() -> None:
    """A label that the data do not settle does not exist, and says that it was never known."""
    labels = triple_barrier_labels(make_bars(DECISION, ENTRY, CALM, CALM), horizon_bars=3, width=np.full(4, 0.01))
    assert np.isnan(labels.up).all()
    assert (labels.end_ms == UNKNOWN_MS).all()


def test_triple_barrier_labels_need_a_width() -> None:
    """A bar whose volatility is unknown has no label."""
    assert np.isnan(first_label(make_bars(DECISION, ENTRY, CALM, CALM, CALM), width=np.nan)[0])


@pytest.mark.parametrize(("missing", "is_labelled"), [(1, True), (2, False)])
def test_labels_cross_one_missing_bar_but_not_two(missing: int, is_labelled: bool) -> None:
    """A hole of more than one bar inside a label drops it, wherever it lies; rows beside the hole keep theirs."""
    klines = without_bars(random_klines(60, "1h", seed=3), 30, 30 + missing)
    wide = np.full(len(klines), 0.5)
    for labels in (
        fixed_labels(klines, horizon_bars=4),
        triple_barrier_labels(klines, horizon_bars=4, width=wide),
    ):
        assert np.isfinite(labels.up[25:30]).tolist() == [is_labelled] * 5
        assert np.isfinite(labels.up[[20, 24, 30, 31]]).all()


def test_triple_barrier_labels_keep_what_was_settled_before_a_hole() -> None:
    """A hole after a barrier was met is none of the label's business: at that moment it could not be known."""
    bars = [DECISION, ENTRY, (100, 102, 100, 102), *[CALM] * 6]
    assert first_label(without_bars(make_bars(*bars), 3, 6), horizon_bars=4) == (1, 3)


def test_fixed_labels_of_hand_made_bars() -> None:
    """Up where the open after the horizon is above the entry open; an equal one is not up."""
    opens = [50, 100, 101, 100, 99, 100.5]
    klines = make_bars(*[(o, o + 1, o - 1, o) for o in opens])
    labels = fixed_labels(klines, horizon_bars=2)
    np.testing.assert_array_equal(labels.up, [0, 0, 1, np.nan, np.nan, np.nan])
    np.testing.assert_array_equal(fixed_labels(klines, horizon_bars=1).up, [1, 0, 0, 1, np.nan, np.nan])
    assert ((labels.end_ms[:3] - START_MS) / HOUR_MS).tolist() == [3, 4, 5]
    assert (labels.end_ms[3:] == UNKNOWN_MS).all()


def settle(klines: Klines, bar: int, *, horizon_bars: int, width: float) -> float:
    """The triple-barrier label of one bar, price by price."""
    entry = klines.open[bar + 1]
    upper, lower = entry * (1 + width), entry * (1 - width)
    for step in range(bar + 1, bar + 1 + horizon_bars):
        if klines.open[step] >= upper or klines.open[step] <= lower:
            return float(klines.open[step] > entry)
        meets_upper, meets_lower = klines.high[step] >= upper, klines.low[step] <= lower
        if meets_upper and meets_lower:
            return float(klines.close[step] > entry)
        if meets_upper or meets_lower:
            return float(meets_upper)
    return float(klines.open[bar + 1 + horizon_bars] > entry)


@given(st.integers(0, 10_000), st.integers(1, 8), st.sampled_from([0.002, 0.004, 0.01]))
@settings(max_examples=25, deadline=None)
def test_triple_barrier_labels_equal_a_walk_along_the_prices(seed: int, horizon_bars: int, width: float) -> None:
    """The arrays say what a loop over each bar's future says."""
    klines = random_klines(60, "1h", seed=seed)
    labels = triple_barrier_labels(klines, horizon_bars=horizon_bars, width=np.full(60, width))
    for bar in range(60 - horizon_bars - 1):
        assert labels.up[bar] == settle(klines, bar, horizon_bars=horizon_bars, width=width)


def poison_after(klines: Klines, now_ms: int, seed: int) -> Klines:
    """Other prices, and a hole, in all that was not yet seen at ``now_ms``; a bar that opens then has its open."""
    generator = np.random.default_rng(seed)
    unseen = klines.open_time >= now_ms
    factor = np.where(unseen, np.exp(generator.normal(0, 3, len(klines))), 1.0)
    opened = np.where(klines.open_time > now_ms, klines.open * factor, klines.open)
    poisoned = replace(
        klines,
        open=opened,
        high=np.where(unseen, klines.high * 1000, klines.high),
        low=np.where(unseen, klines.low / 1000, klines.low),
        close=np.where(unseen, klines.close * factor, klines.close),
    )
    first_unseen = int(np.searchsorted(klines.open_time, now_ms, side="right"))
    return without_bars(poisoned, first_unseen, first_unseen + 3)


def barrier_labels(klines: Klines) -> Labels:
    """As the job makes them."""
    return triple_barrier_labels(klines, horizon_bars=6, width=barrier_width(klines, horizon_bars=6, floor=0.002))


EVERY_LABEL = [
    barrier_labels,
    partial(fixed_labels, horizon_bars=6),
    partial(volatility_labels, horizon_bars=6),
    pine_labels,
]


@pytest.mark.parametrize("make_labels", EVERY_LABEL)
@pytest.mark.parametrize("cut_bar", [40, 57, 71])
def test_labels_depend_on_nothing_after_they_are_known(make_labels: object, cut_bar: int) -> None:
    """Poison in everything that was unseen at a moment changes no label known by then, and makes none known."""
    klines = random_klines(120, "1h", seed=1)
    now_ms = int(klines.open_time[cut_bar])
    whole, poisoned = make_labels(klines), make_labels(poison_after(klines, now_ms, cut_bar))
    is_known, is_known_poisoned = whole.end_ms <= now_ms, poisoned.end_ms <= now_ms
    assert is_known.any()
    np.testing.assert_array_equal(np.flatnonzero(is_known), np.flatnonzero(is_known_poisoned))
    np.testing.assert_array_equal(whole.up[is_known], poisoned.up[is_known_poisoned])
    np.testing.assert_array_equal(whole.end_ms[is_known], poisoned.end_ms[is_known_poisoned])


def test_labels_that_look_too_far_fail_the_poison_test() -> None:
    """Labels dated a bar before they are known would be seen by the test above."""

    def too_early(klines: Klines) -> Labels:
        labels = fixed_labels(klines, horizon_bars=6)
        return replace(labels, end_ms=np.where(labels.end_ms < UNKNOWN_MS, labels.end_ms - HOUR_MS, UNKNOWN_MS))

    with pytest.raises(AssertionError):
        for cut_bar in (40, 57, 71):
            test_labels_depend_on_nothing_after_they_are_known(too_early, cut_bar)


def test_labels_depend_on_nothing_before_the_entry_but_their_width() -> None:
    """Prices up to the decision change no later label, given the width of its barriers."""
    klines, width = random_klines(60, "1h", seed=2), np.full(60, 0.004)
    scale = np.where(np.arange(60) <= 20, 7.0, 1.0)

    def scaled(column: FloatArray) -> FloatArray:
        return column * scale

    other = replace(
        klines,
        open=scaled(klines.open),
        high=scaled(klines.high),
        low=scaled(klines.low),
        close=scaled(klines.close),
    )
    for make in (
        partial(fixed_labels, horizon_bars=5),
        partial(triple_barrier_labels, horizon_bars=5, width=width),
    ):
        np.testing.assert_array_equal(make(klines).up[20:], make(other).up[20:])
        np.testing.assert_array_equal(make(klines).end_ms[20:], make(other).end_ms[20:])


def test_barrier_width_of_equal_moves() -> None:
    """Closes that move by 1 % a bar give barriers of 1 % times the root of the horizon, from the second day on."""
    close = 100 * np.exp(np.cumsum(np.where(np.arange(60) % 2, 0.01, -0.01)))
    klines = make_bars(*[(c, c * 1.02, c * 0.98, c) for c in close])
    width = barrier_width(klines, horizon_bars=9, floor=0.001)
    assert np.isnan(width[:PER_DAY]).all()
    np.testing.assert_allclose(width[PER_DAY:], 0.03, rtol=1e-12)
    assert (barrier_width(klines, horizon_bars=9, floor=0.05)[PER_DAY:] == 0.05).all()
    assert np.isnan(barrier_width(klines.select(slice(0, PER_DAY)), horizon_bars=9, floor=0.001)).all()


def test_barrier_width_is_known_at_the_decision() -> None:
    """It depends on the day of closes up to its own bar: on no later one, and on no earlier one."""
    klines = random_klines(100, "1h", seed=5)
    now = 70
    whole = barrier_width(klines, horizon_bars=4, floor=0.0)
    poisoned = barrier_width(poison_after(klines, int(klines.open_time[now + 1]), 0), horizon_bars=4, floor=0.0)
    np.testing.assert_array_equal(whole[: now + 1], poisoned[: now + 1])
    late_start = barrier_width(klines.select(slice(now - PER_DAY, None)), horizon_bars=4, floor=0.0)
    assert late_start[PER_DAY] == whole[now]
