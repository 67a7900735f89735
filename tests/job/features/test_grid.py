import gc
import weakref
from dataclasses import replace

import numpy as np
import pytest

from job.features.grid import MAX_HOLE_MS, Span, continuous_spans, fill_flat, is_present
from job.features.rolling import rolling_sum
from job.intervals import DAY_MS, HOUR_MS, interval_ms
from tests.support.klines import START_MS, random_klines, without_bars

STEP_MS = interval_ms("1h")
KLINES = random_klines(200, "1h", seed=1)
END_MS = START_MS + 200 * HOUR_MS
FIRST_DAYS = Span(start_ms=START_MS, end_ms=START_MS + 60 * HOUR_MS)


def test_fill_flat_carries_the_close_and_no_volume() -> None:
    """Missing bars are flat at the last close; all others are as they came."""
    filled = fill_flat(without_bars(KLINES, 50, 53), Span(start_ms=START_MS, end_ms=END_MS))
    assert np.array_equal(filled.open_time, KLINES.open_time)
    for name in ("open", "high", "low", "close"):
        column, full = getattr(filled, name), getattr(KLINES, name)
        assert (column[50:53] == KLINES.close[49]).all()
        assert np.array_equal(np.delete(column, range(50, 53)), np.delete(full, range(50, 53)))
    assert (filled.volume[50:53] == 0).all()
    assert filled.volume[53] == KLINES.volume[53]


def test_fill_flat_takes_the_close_from_before_the_span() -> None:
    """A span that begins in a hole begins at the last close before it."""
    filled = fill_flat(without_bars(KLINES, 50, 53), Span(start_ms=START_MS + 51 * HOUR_MS, end_ms=END_MS))
    assert filled.open[0] == KLINES.close[49]


def test_return_products_are_rolling_sums_that_are_made_once() -> None:
    """Of these bars and no others, by window and by whose returns they are times; kept with the bars themselves."""
    one, other = (fill_flat(random_klines(60, "1h", seed=seed), FIRST_DAYS) for seed in (1, 2))
    for length in (5, 12):
        for bars in (one, other):
            expected = rolling_sum(one.log_return * bars.log_return, length)
            assert one.return_products(bars, length).tobytes() == expected.tobytes()
            assert one.return_products(bars, length) is one.return_products(bars, length)
    assert one.between(START_MS, END_MS).return_products(other, 5) is not one.return_products(other, 5)
    bars = weakref.ref(one)
    del one
    gc.collect()
    assert bars() is None


def test_is_present_tells_real_bars_from_flat_ones() -> None:
    """Only bars of the market count."""
    gapped = without_bars(KLINES, 50, 53)
    assert np.flatnonzero(~is_present(gapped, KLINES.open_time)).tolist() == [50, 51, 52]


@pytest.mark.parametrize(("num_missing", "num_spans"), [(24, 1), (25, 2)])
def test_continuous_spans_break_at_a_hole_longer_than_a_day(num_missing: int, num_spans: int) -> None:
    """A hole of exactly 24 h is filled, one of 25 h parts the series."""
    assert MAX_HOLE_MS == DAY_MS
    spans = continuous_spans([without_bars(KLINES, 80, 80 + num_missing)])
    assert len(spans) == num_spans
    assert spans[0].start_ms == START_MS
    assert spans[-1].end_ms == END_MS
    if num_spans == 2:
        assert spans[0].end_ms == START_MS + 80 * HOUR_MS
        assert spans[1].start_ms == START_MS + 105 * HOUR_MS


def test_continuous_spans_are_those_of_all_markets_together() -> None:
    """Spans begin with the last market to begin, end with the first to end, and break with any."""
    late = KLINES.select(slice(10, None))
    ended = KLINES.select(slice(0, 190))
    broken = without_bars(KLINES, 80, 120)
    hours = [
        ((span.start_ms - START_MS) // HOUR_MS, (span.end_ms - START_MS) // HOUR_MS)
        for span in continuous_spans([KLINES, late, broken, ended])
    ]
    assert hours == [(10, 80), (120, 190)]


def test_continuous_spans_of_nothing_in_common_are_none() -> None:
    """An empty market, or one from another time, leaves no span."""
    empty = KLINES.select(slice(0, 0))
    elsewhere = replace(KLINES, open_time=KLINES.open_time + 300 * HOUR_MS)
    assert continuous_spans([KLINES, empty]) == []
    assert continuous_spans([KLINES, elsewhere]) == []
