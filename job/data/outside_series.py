"""A series from outside the market's bars, such as funding: what it is called and what it holds. Knows no storage."""

from dataclasses import dataclass, replace
from typing import Self

import numpy as np

from job.arrays import BoolArray, FloatArray, IntArray
from job.data.klines import MarketKey
from job.errors import DataError
from job.intervals import format_utc


@dataclass(frozen=True, kw_only=True)
class SeriesKey:
    """Names one stored series."""

    source: str
    name: str

    def __str__(self) -> str:
        return f"{self.name} ({self.source})"


def funding_key(market: MarketKey) -> SeriesKey:
    """The funding of a market: longs pay ``value`` times their notional at ``event_time``."""
    return SeriesKey(source=market.venue, name=f"funding:{market.symbol}")


@dataclass(frozen=True, kw_only=True)
class OutsideSeries:
    """Events in time order.

    Parameters
    ----------
    event_time : int64 (n,), when it happened, milliseconds UTC, ascending.
    available_at : int64 (n,), from when on it could be known, >= ``event_time``.
    value : float64 (n,), finite.
    """

    event_time: IntArray
    available_at: IntArray
    value: FloatArray

    def __len__(self) -> int:
        return len(self.event_time)

    def between(self, start_ms: int, end_ms: int) -> Self:
        """The events in [start_ms, end_ms)."""
        return self.select(slice(*np.searchsorted(self.event_time, [start_ms, end_ms])))

    def select(self, kept: BoolArray | slice) -> Self:
        """The events of a mask or a slice."""
        return replace(
            self, event_time=self.event_time[kept], available_at=self.available_at[kept], value=self.value[kept]
        )


def check_series(series: OutsideSeries, *, where: str) -> OutsideSeries:
    """Return ``series`` unchanged, or raise `DataError` naming the first bad event."""
    faults = (
        (~np.isfinite(series.value), "the value is not a finite number"),
        (series.available_at < series.event_time, "it is said to be known before it happened"),
        (np.diff(series.event_time, prepend=series.event_time[:1] - 1) <= 0, "the times do not ascend"),
    )
    for is_bad, reason in faults:
        if is_bad.any():
            time_ms = int(series.event_time[int(np.argmax(is_bad))])
            raise DataError(f"{where}: the event of {format_utc(time_ms)} UTC: {reason}.")
    return series
