import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from job.errors import ExitCode, NoDataError
from job.intervals import DAY_MS, HOUR_MS, INTERVAL_MS, MINUTE_MS
from job.windows import Span, Window, known_before, plan_windows

END_MS = 1_767_180_900_000  # 2025-12-31 11:35 UTC, the close of a 5m bar


def plan(
    days: float,
    *,
    late_ms: int = 0,
    data_days: int = 180,
    anchored: bool = False,
    reduce_test: bool = False,
    train: int = 30,
    test: int = 7,
) -> tuple[Window, ...]:
    """Windows over ``days`` of bars whose features begin ``late_ms`` after the first bar."""
    return plan_windows(
        first_open_ms=END_MS - round(days * DAY_MS) + late_ms,
        end_ms=END_MS,
        data_days=data_days,
        window_size=train,
        test_size=test,
        anchored=anchored,
        reduce_test=reduce_test,
    )


spans = st.builds(
    plan,
    st.floats(40, 400),
    data_days=st.integers(40, 400),
    anchored=st.booleans(),
    reduce_test=st.booleans(),
    train=st.integers(5, 30),
    test=st.integers(1, 9),
)


@pytest.mark.parametrize(
    ("days", "late_ms"),
    [(180, 0), (180, 72 * HOUR_MS), (51_839 * 5 / 1440, 72 * HOUR_MS), (365, 0), (177, 0), (176.01, 0)],
)
def test_plan_windows_cuts_180_days_into_21(days: float, late_ms: int) -> None:
    """The guide's 180/30/7 is 21 windows: also one bar short, with late features, or with more history stored."""
    assert len(plan(days, late_ms=late_ms)) == 21


@pytest.mark.parametrize(("days", "num_windows"), [(176, 20), (37, 1), (36.5, 1), (43.9, 2)])
def test_plan_windows_counts_what_fits(days: float, num_windows: int) -> None:
    """Less than a day may be missing at the start, and no more."""
    assert len(plan(days)) == num_windows


@given(spans)
@settings(max_examples=60, deadline=None)
def test_plan_windows_tests_tile_the_end(windows: tuple[Window, ...]) -> None:
    """Tests follow each other without overlap or hole, and the last ends with the last closed bar."""
    tests = [window.test for window in windows]
    assert all(a.end_ms == b.start_ms for a, b in itertools.pairwise(tests))
    assert tests[-1].end_ms == END_MS
    assert [window.index for window in windows] == list(range(len(windows)))


@given(spans)
@settings(max_examples=60, deadline=None)
def test_plan_windows_train_just_before_they_test(windows: tuple[Window, ...]) -> None:
    """Every training span ends where its test begins, and all blocks end inside it, each before it validates."""
    for window in windows:
        assert window.train.end_ms == window.test.start_ms
        first, second = window.blocks
        assert window.train.start_ms == first.fit.start_ms == second.fit.start_ms
        assert first.fit.end_ms == first.validation.start_ms
        assert first.validation.end_ms == second.fit.end_ms == second.validation.start_ms
        assert second.validation.end_ms == window.train.end_ms


@given(st.floats(50, 500), st.integers(50, 200))
@settings(max_examples=60, deadline=None)
def test_plan_windows_uses_all_days_that_fit(days: float, data_days: int) -> None:
    """The first training span lacks less than a day, and one more window would lack at least one."""
    windows = plan(days, data_days=data_days)
    first_open_ms = max(END_MS - round(days * DAY_MS), END_MS - data_days * DAY_MS)
    assert windows[0].train.start_ms > first_open_ms - DAY_MS
    assert windows[0].train.start_ms - 7 * DAY_MS <= first_open_ms - DAY_MS


def test_plan_windows_index_always_means_the_same_window() -> None:
    """What is stored before the span, and how late features begin within a day, move no window."""
    windows = plan(180, late_ms=72 * HOUR_MS)
    assert windows == plan(365) == plan(180, late_ms=72 * HOUR_MS + 5 * MINUTE_MS)


def test_plan_windows_anchored_grows_from_one_start() -> None:
    """Anchored windows test the same spans as rolling ones, and train on everything before."""
    rolling, anchored = plan(180), plan(180, anchored=True)
    assert [w.test for w in anchored] == [w.test for w in rolling]
    assert {w.train.start_ms for w in anchored} == {END_MS - 180 * DAY_MS}


def test_plan_windows_tests_the_days_left_over() -> None:
    """Three of 180 days make a first window with a shorter test and whole training; without days over there is none."""
    whole, reduced = plan(180), plan(180, reduce_test=True)
    assert [(w.train, w.test) for w in reduced[1:]] == [(w.train, w.test) for w in whole]
    first = reduced[0]
    assert first.test.end_ms - first.test.start_ms == 3 * DAY_MS
    assert first.train == Span(start_ms=END_MS - 180 * DAY_MS, end_ms=END_MS - 150 * DAY_MS)
    assert plan(177, reduce_test=True) == plan(177)
    assert [w.test.end_ms - w.test.start_ms for w in plan(33, reduce_test=True)] == [3 * DAY_MS]


@given(spans)
@settings(max_examples=60, deadline=None)
def test_plan_windows_shortens_no_test_but_the_first(windows: tuple[Window, ...]) -> None:
    """All tests are of one length, but the first, which may be shorter, and never trains on less than the others."""
    lengths = [window.test.end_ms - window.test.start_ms for window in windows]
    assert set(lengths[1:]) <= {max(lengths)}
    trained = [window.train.end_ms - window.train.start_ms for window in windows]
    assert min(trained) == trained[0]


@pytest.mark.parametrize("train", [7, 31])
@pytest.mark.parametrize("bar_ms", list(INTERVAL_MS.values()))
def test_window_blocks_begin_and_end_with_a_bar(train: int, bar_ms: int) -> None:
    """Also where the days do not divide by five: no bar lies across the border of two blocks."""
    end_ms = END_MS - END_MS % bar_ms
    window = Window(index=0, train=Span(start_ms=end_ms - train * DAY_MS, end_ms=end_ms), test=None)
    borders = [ms for b in window.blocks for span in (b.fit, b.validation) for ms in (span.start_ms, span.end_ms)]
    assert all((end_ms - border) % bar_ms == 0 for border in borders)
    assert (window.blocks[1].validation.end_ms, window.blocks[0].fit.start_ms) == (end_ms, window.train.start_ms)


def test_plan_windows_says_how_many_days_are_missing() -> None:
    """Too little history names what there is and what is needed, and ends with 66."""
    with pytest.raises(NoDataError, match=r"There are 35\.5 days .* needs 37 \(train 30, test 7\)") as caught:
        plan(35.5)
    assert caught.value.exit_code is ExitCode.NO_DATA
    assert "--window-size" in caught.value.remedy


def test_window_blocks_are_fit_18_and_24_days() -> None:
    """A 30-day window validates days 18 to 24 and 24 to 30, each after a fit on all days before."""
    window = plan(180)[0]

    def in_days(span: Span) -> tuple[float, float]:
        start_ms = window.train.start_ms
        return (span.start_ms - start_ms) / DAY_MS, (span.end_ms - start_ms) / DAY_MS

    assert [(in_days(b.fit), in_days(b.validation)) for b in window.blocks] == [
        ((0, 18), (18, 24)),
        ((0, 24), (24, 30)),
    ]


def test_window_span_is_all_that_it_reads() -> None:
    """From the first training bar to the last test bar, or of training where there is no test."""
    window = plan(180)[3]
    assert window.span == Span(start_ms=window.train.start_ms, end_ms=window.test.end_ms)
    assert Window(index=0, train=window.train, test=None).span == window.train


def test_span_is_half_open() -> None:
    """A bar that opens at the end belongs to the next span."""
    span = Span(start_ms=100, end_ms=200)
    assert span.holds(np.array([99, 100, 199, 200])).tolist() == [False, True, True, False]


def test_spans_that_only_touch_do_not_overlap() -> None:
    """One moment in common is enough; an end is not within."""
    day = Span(start_ms=0, end_ms=DAY_MS)
    assert day.overlaps(day)
    for start_ms, overlaps in ((DAY_MS - 1, True), (DAY_MS, False)):
        other = Span(start_ms=start_ms, end_ms=2 * DAY_MS)
        assert day.overlaps(other) is other.overlaps(day) is overlaps


def test_span_reads_as_utc() -> None:
    """A span prints as two UTC times."""
    assert str(Span(start_ms=END_MS, end_ms=END_MS + DAY_MS)) == "2025-12-31 11:35 to 2026-01-01 11:35"


def test_known_before_is_strict() -> None:
    """A label that becomes known in the moment of the first held-out decision is not kept."""
    end_ms = np.array([999, 1000, 1001])
    assert known_before(end_ms, 1000).tolist() == [True, False, False]
    assert known_before(end_ms, 1002, embargo_ms=2).tolist() == [True, False, False]
