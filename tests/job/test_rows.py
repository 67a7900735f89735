from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import job.rows
from job.arrays import BoolArray, IntArray
from job.data.feature_rows import FeatureRows
from job.labels import UNKNOWN_MS, fixed_labels
from job.rows import LabelledRows, join_labels
from job.windows import Span
from tests.support.klines import START_MS, random_klines, without_bars
from tests.support.labelled import BAR_MS, intervals_meet, make_rows

TRAIN_BARS, NUM_BARS = 30, 42
TRAIN = Span(start_ms=START_MS, end_ms=START_MS + TRAIN_BARS * BAR_MS)
HELD_OUT = Span(start_ms=TRAIN.end_ms, end_ms=START_MS + NUM_BARS * BAR_MS)


@st.composite
def purge_cases(draw: st.DrawFn) -> LabelledRows:
    """Rows of both spans, some bars without one, with labels of any length, ahead or from a past."""
    is_present = np.array(draw(st.lists(st.booleans(), min_size=NUM_BARS, max_size=NUM_BARS)))
    is_present[TRAIN_BARS] = True
    bars = np.flatnonzero(is_present)
    lengths = draw(st.lists(st.integers(0, 15), min_size=len(bars), max_size=len(bars)))
    reach_ms = BAR_MS * draw(st.sampled_from([0, 0, 4]))
    return replace(make_rows(bars, np.array(lengths)), label_reach_ms=reach_ms)


def purge_faults(rows: LabelledRows) -> set[str]:
    """What is wrong with what `to_learn` keeps, against every pair of intervals."""
    kept = rows.to_learn(TRAIN, held_out=HELD_OUT, embargo_bars=0, bar_ms=BAR_MS)
    offered = rows.within(TRAIN)
    meets = intervals_meet(offered, rows.within(HELD_OUT)).any(axis=1)
    is_kept = np.isin(offered.open_time, kept.open_time)
    faults = {"leaks": (is_kept & meets).any(), "wastes": (~is_kept & ~meets).any()}
    return {fault for fault, is_there in faults.items() if is_there}


@given(purge_cases())
@settings(max_examples=80, deadline=None)
def test_to_learn_purges_exactly_the_overlapping_rows(rows: LabelledRows) -> None:
    """No kept training interval meets a held-out one, and no other row is dropped."""
    assert purge_faults(rows) == set()


def from_the_first_label_end(label_end_ms: IntArray, first_decision_ms: int, *, embargo_ms: int) -> BoolArray:
    """The rule of mlfinlab: the purged zone starts where the first held-out label ends, here 5 bars later."""
    return label_end_ms < first_decision_ms + 5 * BAR_MS - embargo_ms


def one_bar_late(label_end_ms: IntArray, first_decision_ms: int, *, embargo_ms: int) -> BoolArray:
    """A horizon that counts one bar too few."""
    return label_end_ms - BAR_MS < first_decision_ms - embargo_ms


def up_to_the_decision(label_end_ms: IntArray, first_decision_ms: int, *, embargo_ms: int) -> BoolArray:
    """Not strict."""
    return label_end_ms <= first_decision_ms - embargo_ms


def one_bar_early(label_end_ms: IntArray, first_decision_ms: int, *, embargo_ms: int) -> BoolArray:
    """A horizon that counts one bar too many."""
    return label_end_ms < first_decision_ms - BAR_MS - embargo_ms


@pytest.mark.parametrize(
    ("mutant", "fault"),
    [
        (from_the_first_label_end, "leaks"),
        (one_bar_late, "leaks"),
        (up_to_the_decision, "leaks"),
        (one_bar_early, "wastes"),
    ],
)
def test_purge_faults_catches_wrong_rules(
    monkeypatch: pytest.MonkeyPatch, mutant: Callable[..., BoolArray], fault: str
) -> None:
    """Each well-known wrong purge is seen by the oracle of the property above."""
    rows = make_rows(np.arange(NUM_BARS), np.full(NUM_BARS, 5))
    assert purge_faults(rows) == set()
    monkeypatch.setattr(job.rows, "known_before", mutant)
    assert purge_faults(rows) == {fault}


def test_to_learn_counts_rows_by_hand() -> None:
    """With labels of 5 bars, the last 5 of 30 rows meet the first held-out decision; an embargo takes one more."""
    rows = make_rows(np.arange(NUM_BARS), np.full(NUM_BARS, 5))
    assert len(rows.to_learn(TRAIN, held_out=HELD_OUT, embargo_bars=0, bar_ms=BAR_MS)) == 25
    assert len(rows.to_learn(TRAIN, held_out=HELD_OUT, embargo_bars=1, bar_ms=BAR_MS)) == 24
    assert len(rows.to_learn(TRAIN, held_out=None, embargo_bars=1, bar_ms=BAR_MS)) == 30


def test_to_learn_leaves_out_rows_without_a_label() -> None:
    """A row whose label is unknown teaches nothing."""
    rows = make_rows(np.arange(NUM_BARS), np.full(NUM_BARS, 2))
    rows.up[3] = np.nan
    kept = rows.to_learn(TRAIN, held_out=None, embargo_bars=0, bar_ms=BAR_MS)
    assert np.isfinite(kept.up).all()
    assert len(kept) == TRAIN_BARS - 1


def test_forget_after_keeps_rows_and_drops_late_labels() -> None:
    """Every row stays to be forecast; labels not known in time are NaN; the rows it came from are untouched."""
    rows = make_rows(np.arange(10), np.full(10, 3))
    forgotten = rows.forget_after(int(rows.decision_ms[7]), embargo_ms=0)
    assert len(forgotten) == 10
    assert np.isfinite(forgotten.up).tolist() == [True] * 4 + [False] * 6
    assert np.isfinite(rows.up).all()
    embargoed = rows.forget_after(int(rows.decision_ms[7]), embargo_ms=BAR_MS)
    assert np.isfinite(embargoed.up).tolist() == [True] * 3 + [False] * 7


def test_join_labels_puts_each_label_on_its_bar() -> None:
    """A row needs a kline and features; its features, label and times are those of its own bar."""
    klines = without_bars(random_klines(40, "1h"), 10, 11)
    labels = fixed_labels(klines, horizon_bars=3)
    open_time = START_MS + BAR_MS * np.arange(5, 60, dtype=np.int64)
    features = FeatureRows(
        names=("bar",), open_time=open_time, values=np.arange(5, 60, dtype=np.float32).reshape(-1, 1)
    )
    rows = join_labels(features, klines, labels)
    bars = [*range(5, 10), *range(11, 40)]
    assert rows.features[:, 0].tolist() == bars
    assert rows.open_time.tolist() == [START_MS + BAR_MS * bar for bar in bars]
    assert (rows.decision_ms == rows.open_time + BAR_MS).all()
    in_klines = np.searchsorted(klines.open_time, rows.open_time)
    np.testing.assert_array_equal(rows.up, labels.up[in_klines])
    np.testing.assert_array_equal(rows.label_end_ms, labels.end_ms[in_klines])
    assert (rows.label_end_ms[-4:] == UNKNOWN_MS).all()
