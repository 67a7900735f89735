"""Labelled rows to learn from: independent features, and a label that is noise or leans on one of them."""

import numpy as np

from job.arrays import BoolArray, FloatArray, IntArray
from job.intervals import interval_ms
from job.rows import LabelledRows
from tests.support.klines import START_MS

INTERVAL = "1h"
BAR_MS = interval_ms(INTERVAL)


def make_rows(decision_bars: IntArray, label_bars: IntArray) -> LabelledRows:
    """Rows by bar number, each with a label that lasts ``label_bars`` from its decision."""
    open_time = START_MS + BAR_MS * decision_bars.astype(np.int64)
    return LabelledRows(
        open_time=open_time,
        decision_ms=open_time + BAR_MS,
        features=np.zeros((len(decision_bars), 1), dtype=np.float32),
        up=(decision_bars % 2).astype(np.float64),
        label_end_ms=open_time + BAR_MS + BAR_MS * label_bars.astype(np.int64),
    )


def random_rows(
    num_rows: int,
    *,
    num_features: int = 6,
    strength: float = 0.0,
    signal_feature: int = 2,
    seed: int = 0,
    first_bar: int = 0,
    horizon_bars: int = 4,
) -> LabelledRows:
    """Rows whose logit of p(up) is ``strength`` times one standard normal feature."""
    generator = np.random.default_rng(seed)
    features = generator.standard_normal((num_rows, num_features)).astype(np.float32)
    up = generator.random(num_rows) < sigmoid(strength * features[:, signal_feature].astype(np.float64))
    open_time = START_MS + BAR_MS * np.arange(first_bar, first_bar + num_rows, dtype=np.int64)
    return LabelledRows(
        open_time=open_time,
        decision_ms=open_time + BAR_MS,
        features=features,
        up=up.astype(np.float64),
        label_end_ms=open_time + BAR_MS * (1 + horizon_bars),
    )


def sigmoid(logit: FloatArray) -> FloatArray:
    """The logistic function."""
    return 1 / (1 + np.exp(-logit))


def intervals_meet(one: LabelledRows, other: LabelledRows) -> BoolArray:
    """Whether each label interval [start, end] of one meets each of the other, (n, m), pair by pair."""
    meet = np.zeros((len(one), len(other)), dtype=np.bool_)
    for i in range(len(one)):
        for j in range(len(other)):
            first_end = min(one.label_end_ms[i], other.label_end_ms[j])
            meet[i, j] = max(one.label_start_ms[i], other.label_start_ms[j]) <= first_end
    return meet
