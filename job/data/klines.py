"""The klines of one market: columns, order and gap rules. Knows nothing of where they are stored."""

from dataclasses import dataclass, fields
from typing import Self

import numpy as np

from job.arrays import BoolArray, FloatArray, IntArray
from job.errors import DataError
from job.intervals import format_utc, interval_ms

LARGEST_PRICE = (
    1e15  # of a price, and the inverse of the smallest one: beyond it, products of prices lose their meaning
)
LARGEST_VOLUME = 1e24


@dataclass(frozen=True, kw_only=True)
class MarketKey:
    """Names one stored series of bars."""

    venue: str
    symbol: str
    interval: str

    def __str__(self) -> str:
        return f"{self.symbol} {self.interval} ({self.venue})"


@dataclass(frozen=True, kw_only=True)
class Klines:
    """Closed bars, strictly ascending in open time, on the interval's UTC grid; bars may be missing.

    Parameters
    ----------
    interval : bar length by Binance's name.
    open_time : int64 (n,), milliseconds UTC.
    open, high, low, close : float64 (n,), quote currency, > 0.
    volume : float64 (n,), base currency, >= 0.
    """

    interval: str
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
        """Close times: a bar may be used by decisions at or after this moment, never before."""
        return self.open_time + interval_ms(self.interval)

    def select(self, rows: slice | BoolArray | IntArray) -> Self:
        """The bars of ``rows``, in order."""
        columns = {f.name: getattr(self, f.name)[rows] for f in fields(self) if f.name != "interval"}
        return type(self)(interval=self.interval, **columns)

    def between(self, start_ms: int, end_ms: int) -> Self:
        """The bars that open in [start_ms, end_ms)."""
        first, last = np.searchsorted(self.open_time, [start_ms, end_ms])
        return self.select(slice(int(first), int(last)))


def first_fault(klines: Klines) -> tuple[int, str] | None:
    """Row and reason of the first bar that breaks a rule of `Klines`, or None."""
    prices = np.stack([klines.open, klines.high, klines.low, klines.close])
    step = np.diff(klines.open_time, prepend=klines.open_time[:1] - 1) if len(klines) else klines.open_time
    rules = [
        (~np.isfinite(prices).all(axis=0) | ~np.isfinite(klines.volume), "a value is not a finite number"),
        ((prices <= 0).any(axis=0), "a price is not above zero"),
        (
            ((prices > LARGEST_PRICE) | (prices < 1 / LARGEST_PRICE)).any(axis=0) | (klines.volume > LARGEST_VOLUME),
            "no market has such a value",
        ),
        (klines.high < klines.low, "high is below low"),
        (
            (klines.high < np.maximum(klines.open, klines.close))
            | (klines.low > np.minimum(klines.open, klines.close)),
            "open or close lies outside low to high",
        ),
        (klines.volume < 0, "volume is negative"),
        (
            klines.open_time % interval_ms(klines.interval) != 0,
            f"open time is off the {klines.interval} grid",
        ),
        (step == 0, "the open time occurs twice"),
        (step < 0, "the open time goes backwards"),
    ]
    faults = [(int(np.argmax(broken)), reason) for broken, reason in rules if broken.any()]
    return min(faults, default=None)


def check_klines(klines: Klines, *, where: str) -> Klines:
    """Return ``klines`` unchanged, or raise `DataError` naming the first bad bar.

    Parameters
    ----------
    where : str
        Names the source in the error, e.g. a file or a market.
    """
    fault = first_fault(klines)
    if fault is not None:
        row, reason = fault
        raise DataError(f"{where}: bar {row} at {format_utc(int(klines.open_time[row]))} UTC: {reason}.")
    return klines
