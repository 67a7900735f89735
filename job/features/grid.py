"""Bars on an unbroken time grid, and the spans in which a feature may look back without meeting a long hole.

For features, and only for them, a missing bar is a flat one: no trade, the close carried forward, zero
volume, which is what a trader saw. That is an honest picture of a short outage only: a hole longer than
`MAX_HOLE_MS` ends a span, and no feature looks across it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Self
from weakref import WeakKeyDictionary

import numpy as np

from job.arrays import BoolArray, FloatArray, IntArray
from job.data.klines import Klines
from job.features.rolling import rolling_sum
from job.intervals import DAY_MS, interval_ms

MAX_HOLE_MS = DAY_MS


@dataclass(frozen=True, kw_only=True, eq=False)
class GridBars:
    """Bars with no hole between the first and the last; columns as in `Klines`. Equal to themselves alone.

    Parameters
    ----------
    step_ms : length of a bar.
    open_time : int64 (n,), milliseconds UTC, ``step_ms`` apart.
    open, high, low, close, volume : float64 (n,), contiguous.
    """

    step_ms: int
    open_time: IntArray
    open: FloatArray
    high: FloatArray
    low: FloatArray
    close: FloatArray
    volume: FloatArray

    def __len__(self) -> int:
        return len(self.open_time)

    @property
    def available_at(self) -> IntArray:
        """Close times: the moments from which each bar may be used."""
        return self.open_time + self.step_ms

    @cached_property
    def log_close(self) -> FloatArray:
        """Natural logarithm of the close."""
        return np.log(self.close)

    @cached_property
    def log_return(self) -> FloatArray:
        """Log return from the previous close; the first is NaN."""
        return np.diff(self.log_close, prepend=np.nan)

    def return_products(self, other: "GridBars", length: int) -> FloatArray:
        """Rolling sums of log returns times those of bars on the same grid, float64 (n,): to be read, not changed.

        Many features are made of the same few. They are kept with these bars, which nobody keeps for long.
        """
        sums = self._return_products.setdefault(other, {})
        if length not in sums:
            sums[length] = rolling_sum(self.log_return * other.log_return, length)
        return sums[length]

    @cached_property
    def _return_products(self) -> "WeakKeyDictionary[GridBars, dict[int, FloatArray]]":
        return WeakKeyDictionary()

    def between(self, start_ms: int, end_ms: int) -> Self:
        """The bars that open in [start_ms, end_ms), as views."""
        first, last = np.searchsorted(self.open_time, [start_ms, end_ms])
        rows = slice(int(first), int(last))
        return type(self)(
            step_ms=self.step_ms,
            open_time=self.open_time[rows],
            open=self.open[rows],
            high=self.high[rows],
            low=self.low[rows],
            close=self.close[rows],
            volume=self.volume[rows],
        )


@dataclass(frozen=True, kw_only=True)
class Span:
    """A stretch of time [start_ms, end_ms), on the grid, without a long hole in any market."""

    start_ms: int
    end_ms: int


def continuous_spans(markets: Sequence[Klines]) -> list[Span]:
    """The stretches in which every market has bars with no hole longer than `MAX_HOLE_MS`.

    The last one ends where the first market ends: a bar that is late must not be taken for a flat one, or
    its arrival would change rows that are already stored.
    """
    spans = _spans_of(markets[0])
    for market in markets[1:]:
        spans = [
            Span(start_ms=max(left.start_ms, right.start_ms), end_ms=min(left.end_ms, right.end_ms))
            for left in spans
            for right in _spans_of(market)
            if max(left.start_ms, right.start_ms) < min(left.end_ms, right.end_ms)
        ]
    return spans


def _spans_of(market: Klines) -> list[Span]:
    if not len(market):
        return []
    hole_ms = market.open_time[1:] - market.available_at[:-1]
    breaks = np.flatnonzero(hole_ms > MAX_HOLE_MS)
    firsts = market.open_time[np.concatenate(([0], breaks + 1))]
    ends = market.available_at[np.concatenate((breaks, [len(market) - 1]))]
    return [Span(start_ms=int(first), end_ms=int(end)) for first, end in zip(firsts, ends, strict=True)]


def fill_flat(market: Klines, span: Span) -> GridBars:
    """The bars of ``market`` in ``span``, a flat one for each that is missing."""
    step_ms = interval_ms(market.interval)
    open_time = np.arange(span.start_ms, span.end_ms, step_ms, dtype=np.int64)
    row = np.searchsorted(market.open_time, open_time, side="right") - 1
    present = market.open_time[row] == open_time
    last_close = market.close[row]
    return GridBars(
        step_ms=step_ms,
        open_time=open_time,
        open=np.where(present, market.open[row], last_close),
        high=np.where(present, market.high[row], last_close),
        low=np.where(present, market.low[row], last_close),
        close=last_close,
        volume=np.where(present, market.volume[row], 0.0),
    )


def is_present(market: Klines, open_time: IntArray) -> BoolArray:
    """Whether ``market`` really has a bar at each of ``open_time``."""
    return np.isin(open_time, market.open_time, assume_unique=True)
