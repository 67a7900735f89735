"""The one walk-forward splitter: which spans each window trains and tests on, and the one purge rule.

Windows are laid out from the end (the last test ends with the last closed bar) and are independent of each other.
Purging works on label intervals, never on row counts: a row is kept only where its label was known before the
first decision that it is held out from. Method: Lopez de Prado, Advances in Financial Machine Learning, 7.4, with
the rule derived from the interval definition.
"""

import itertools
from dataclasses import dataclass

from job.arrays import BoolArray, IntArray
from job.errors import NoDataError
from job.intervals import DAY_MS, HOUR_MS, format_utc

# The training span is cut in fifths: two forward blocks validate, each on the fifth that follows its fit.
VALIDATION_SHARE = 5
# An order needs a moment after the decision: the last training label ends a bar before the first test decision.
EMBARGO_BARS = 1


@dataclass(frozen=True, kw_only=True)
class Span:
    """Half-open stretch of bar open times, [start_ms, end_ms), milliseconds UTC."""

    start_ms: int
    end_ms: int

    def holds(self, open_time: IntArray) -> BoolArray:
        """Whether each bar opens inside."""
        return (open_time >= self.start_ms) & (open_time < self.end_ms)

    def overlaps(self, other: "Span") -> bool:
        """Whether some moment lies in both."""
        return self.start_ms < other.end_ms and other.start_ms < self.end_ms

    def __str__(self) -> str:
        return f"{format_utc(self.start_ms)} to {format_utc(self.end_ms)}"


@dataclass(frozen=True, kw_only=True)
class Block:
    """A forward validation block: fit on one span, validate on the span right after it."""

    fit: Span
    validation: Span


@dataclass(frozen=True, kw_only=True)
class Window:
    """One window: everything is chosen on ``train``; ``test`` (None for the final refit) is only forecast."""

    index: int
    train: Span
    test: Span | None

    @property
    def span(self) -> Span:
        """Everything that the window reads, training and test."""
        end_ms = self.train.end_ms if self.test is None else self.test.end_ms
        return Span(start_ms=self.train.start_ms, end_ms=end_ms)

    @property
    def blocks(self) -> tuple[Block, Block]:
        """The two forward blocks on which every choice of this window is made."""
        # In whole hours, which every length of bar divides: blocks begin and end with a bar, as windows do.
        fifth = (self.train.end_ms - self.train.start_ms) // (VALIDATION_SHARE * HOUR_MS) * HOUR_MS
        ends = [self.train.end_ms - 2 * fifth, self.train.end_ms - fifth, self.train.end_ms]
        first, second = (
            Block(
                fit=Span(start_ms=self.train.start_ms, end_ms=start),
                validation=Span(start_ms=start, end_ms=end),
            )
            for start, end in itertools.pairwise(ends)
        )
        return first, second


def plan_windows(
    *,
    first_open_ms: int,
    end_ms: int,
    data_days: int,
    window_size: int,
    test_size: int,
    anchored: bool,
    reduce_test: bool = False,
) -> tuple[Window, ...]:
    """Cut a span into windows.

    Parameters
    ----------
    first_open_ms : int
        Open time of the first bar that has features.
    end_ms : int
        Close time of the last closed bar, where the last test ends.
    data_days, window_size, test_size : int, days.
    anchored : bool
        All training spans start at the beginning of the span, and grow.
    reduce_test : bool
        Whole days that are left over at the start are tested too, by a first window with a shorter test.

    Raises
    ------
    NoDataError
        Where not even one window fits; says how many days there are and how many are needed.
    """
    start_ms = max(first_open_ms, end_ms - data_days * DAY_MS)
    # A first training span that is short by less than a day is used: features need their first days to warm up.
    num_days = (end_ms - start_ms + DAY_MS - 1) // DAY_MS
    num_windows, days_left = divmod(max(0, num_days - window_size), test_size)
    test_days = [days_left] * (reduce_test and days_left > 0) + [test_size] * num_windows
    if not test_days:
        least = 1 if reduce_test else test_size
        raise NoDataError(
            f"There are {max(0, end_ms - start_ms) / DAY_MS:.1f} days of data before {format_utc(end_ms)} UTC, and one "
            f"window needs {window_size + least} (train {window_size}, test {least}).",
            remedy="Collect or import more history, or lower --window-size, --test-size or --holdout-days.",
        )
    windows = []
    test_start = end_ms - sum(test_days) * DAY_MS
    for index, days in enumerate(test_days):
        test_end = test_start + days * DAY_MS
        train_start = start_ms if anchored else test_start - window_size * DAY_MS
        windows.append(
            Window(
                index=index,
                train=Span(start_ms=train_start, end_ms=test_start),
                test=Span(start_ms=test_start, end_ms=test_end),
            )
        )
        test_start = test_end
    return tuple(windows)


def known_before(label_end_ms: IntArray, first_decision_ms: int, *, embargo_ms: int = 0) -> BoolArray:
    """The purge rule: which rows' labels were known before the first held-out decision.

    Parameters
    ----------
    label_end_ms : int64 (n,)
        The moment at which each row's label became known, milliseconds UTC.
    first_decision_ms : int
        Close time of the first held-out bar.
    embargo_ms : int
        Extra distance, for the delay of execution.
    """
    return label_end_ms < first_decision_ms - embargo_ms
