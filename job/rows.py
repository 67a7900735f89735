"""Feature rows joined with their labels: what classifiers are fitted on and asked about. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from job.arrays import BoolArray, Float32Array, FloatArray, IntArray
from job.data.feature_rows import FeatureRows
from job.data.klines import Klines
from job.intervals import interval_ms
from job.labels import Labels
from job.windows import Span, known_before


@dataclass(frozen=True, kw_only=True)
class LabelledRows:
    """Rows in time order, one a bar that has features.

    Parameters
    ----------
    open_time : int64 (n,), open of the bar.
    decision_ms : int64 (n,), close of the bar: when the forecast is made.
    features : float32 (n, F), unscaled.
    up : float64 (n,), the label, NaN where there is none.
    label_end_ms : int64 (n,), when the label became known.
    label_reach_ms : how long before its decision the interval of a label begins, see `Labels`.
    """

    open_time: IntArray
    decision_ms: IntArray
    features: Float32Array
    up: FloatArray
    label_end_ms: IntArray
    label_reach_ms: int = 0

    @property
    def label_start_ms(self) -> IntArray:
        """When the interval of each row's label began, int64 (n,)."""
        return self.decision_ms - self.label_reach_ms

    def __len__(self) -> int:
        return len(self.open_time)

    def select(self, mask: BoolArray | IntArray) -> "LabelledRows":
        """The rows of ``mask``."""
        return replace(
            self,
            open_time=self.open_time[mask],
            decision_ms=self.decision_ms[mask],
            features=self.features[mask],
            up=self.up[mask],
            label_end_ms=self.label_end_ms[mask],
        )

    def within(self, span: Span) -> "LabelledRows":
        """The rows of a span, labelled or not."""
        return self.select(span.holds(self.open_time))

    def forget_after(self, first_decision_ms: int, *, embargo_ms: int) -> "LabelledRows":
        """The same rows, without the labels that meet that of ``first_decision_ms``, or ``embargo_ms`` before it."""
        is_known = self._known_before(first_decision_ms, embargo_ms=embargo_ms)
        return replace(self, up=np.where(is_known, self.up, np.nan))

    def to_learn(self, span: Span, *, held_out: Span | None, embargo_bars: int, bar_ms: int) -> "LabelledRows":
        """The labelled rows of ``span`` whose labels were known before those of ``held_out`` begin."""
        mask = span.holds(self.open_time) & np.isfinite(self.up)
        if held_out is not None:
            mask &= self._known_before(held_out.start_ms + bar_ms, embargo_ms=embargo_bars * bar_ms)
        return self.select(mask)

    def _known_before(self, first_decision_ms: int, *, embargo_ms: int) -> BoolArray:
        """Which labels were known before the interval of the first held-out label began."""
        return known_before(self.label_end_ms, first_decision_ms - self.label_reach_ms, embargo_ms=embargo_ms)


@dataclass(frozen=True, kw_only=True)
class Dataset:
    """Klines and labelled rows of one span; the klines begin earlier, for what looks back.

    ``peers`` are the rows of the other markets that are learned from, by symbol; see `job.model.transfer`.
    """

    klines: Klines
    rows: LabelledRows
    peers: Mapping[str, LabelledRows] = field(default_factory=dict)


def join_labels(features: FeatureRows, klines: Klines, labels: Labels) -> LabelledRows:
    """One row for each bar that has both a kline and features."""
    _, in_features, in_klines = np.intersect1d(
        features.open_time, klines.open_time, assume_unique=True, return_indices=True
    )
    open_time = features.open_time[in_features]
    return LabelledRows(
        open_time=open_time,
        decision_ms=open_time + interval_ms(klines.interval),
        features=features.values[in_features],
        up=labels.up[in_klines],
        label_end_ms=labels.end_ms[in_klines],
        label_reach_ms=labels.reach_ms,
    )
