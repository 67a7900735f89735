"""Longer bars made from base bars, and the only join by which their values may reach base bars.

A longer bar becomes usable when it closes. Joining it by its open time instead shows the first base bars of
an hour how that hour will end, and truncating the series does not reveal it where cuts fall on the hour.
"""

from dataclasses import dataclass

import numpy as np

from job.arrays import FloatArray, IntArray
from job.features.grid import GridBars


def resample(bars: GridBars, longer_ms: int) -> GridBars:
    """Complete bars of ``longer_ms`` on UTC boundaries; a bucket that is cut at either end is left out."""
    per_bucket = longer_ms // bars.step_ms
    first = int(-bars.open_time[0] % longer_ms) // bars.step_ms
    num_buckets = max(len(bars) - first, 0) // per_bucket

    def buckets(values: FloatArray) -> FloatArray:
        return values[first : first + num_buckets * per_bucket].reshape(num_buckets, per_bucket)

    return GridBars(
        step_ms=longer_ms,
        open_time=bars.open_time[first : first + num_buckets * per_bucket : per_bucket],
        open=buckets(bars.open)[:, 0].copy(),
        high=buckets(bars.high).max(axis=1),
        low=buckets(bars.low).min(axis=1),
        close=buckets(bars.close)[:, -1].copy(),
        volume=buckets(bars.volume).sum(axis=1),
    )


def last_available(available_at: IntArray, decision_at: IntArray) -> IntArray:
    """Row of the newest of ``available_at`` (ascending) not after each decision; -1 where there is none."""
    return np.searchsorted(available_at, decision_at, side="right") - 1


@dataclass(frozen=True, kw_only=True)
class LongerBars:
    """Longer bars beside the base bars that may see them.

    Parameters
    ----------
    bars : the longer bars.
    row : int64 (n,), for each base bar the newest longer bar closed by its close, or -1.
    """

    bars: GridBars
    row: IntArray

    def on_base(self, values: FloatArray) -> FloatArray:
        """Values of the longer bars as each base bar sees them; NaN where none has closed."""
        return np.append(values, np.nan)[self.row]


def view_longer(base: GridBars, longer_ms: int) -> LongerBars:
    """The longer bars of ``base``, joined to it on the moment at which they become available."""
    bars = resample(base, longer_ms)
    return LongerBars(bars=bars, row=last_available(bars.available_at, base.available_at))
