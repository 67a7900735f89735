"""Feature rows and what identifies their set. Knows nothing of how they are computed or stored."""

from dataclasses import dataclass

import numpy as np

from job.arrays import Float32Array, IntArray


@dataclass(frozen=True, kw_only=True)
class FeatureSetRecord:
    """What is stored beside the rows of one feature set, so that a changed indicator is another set.

    Parameters
    ----------
    identity : str
        ``<name>-<8 hex of the definition>``, e.g. ``core-1f0a9c3e``.
    names : tuple of str
        Column names, in the order of the columns.
    lookback_ms : tuple of int
        How far back each column's value can depend on bars, in milliseconds.
    """

    identity: str
    names: tuple[str, ...]
    lookback_ms: tuple[int, ...]


@dataclass(frozen=True, kw_only=True)
class FeatureRows:
    """Feature values by bar; row t was computed from bars that had closed by the close of bar t.

    Parameters
    ----------
    names : tuple of str, length F.
    open_time : int64 (n,), milliseconds UTC, strictly ascending.
    values : float32 (n, F), all finite: a bar whose features are undefined has no row.
    """

    names: tuple[str, ...]
    open_time: IntArray
    values: Float32Array

    def __len__(self) -> int:
        return len(self.open_time)

    def between(self, start_ms: int, end_ms: int) -> "FeatureRows":
        """The rows of bars that open in [start_ms, end_ms)."""
        first, last = np.searchsorted(self.open_time, [start_ms, end_ms])
        return FeatureRows(names=self.names, open_time=self.open_time[first:last], values=self.values[first:last])
