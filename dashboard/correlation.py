"""What correlations say at all: which are beyond luck when many are looked at, and which belong together. Pure."""

import math
from statistics import NormalDist

import numpy as np

from job.arrays import BoolArray, FloatArray, IntArray
from job.evaluation.bootstrap import CONFIDENCE
from job.report.sampling import RANK_VARIANCE, STANDARD_ERRORS

FALSE_SHARE = 1 - CONFIDENCE
SLOPE_DRAWS = 2_000


def correlation_interval(value: float, num: int) -> tuple[float, float] | None:
    """95 % interval of a correlation of ``num`` pairs by Fisher's transform; None where none exists."""
    if not math.isfinite(value) or num <= 3 or abs(value) >= 1:
        return None
    reach = STANDARD_ERRORS * math.sqrt(RANK_VARIANCE / (num - 3))
    middle = math.atanh(value)
    return math.tanh(middle - reach), math.tanh(middle + reach)


def beyond_luck(value: FloatArray, num: IntArray) -> BoolArray:
    """Which cells of a matrix of correlations stand out, with one in twenty of these false at most.

    Benjamini and Hochberg's step-up rule (1995) over the cells below the diagonal.
    """
    rows, columns = np.tril_indices(len(value), k=-1)
    p = np.array([_p_value(value[i, j], int(num[i, j])) for i, j in zip(rows, columns, strict=True)])
    order = np.argsort(p)
    passes = p[order] <= FALSE_SHARE * np.arange(1, len(p) + 1) / max(1, len(p))
    last = np.flatnonzero(passes)
    found = np.zeros(value.shape, dtype=bool)
    if len(last):
        chosen = order[: last[-1] + 1]
        found[rows[chosen], columns[chosen]] = True
    both: BoolArray = found | found.T
    return both


def clustered_order(value: FloatArray) -> list[int]:
    """Rows in an order that puts together what moves together: average linkage on 1 - |correlation|."""
    distance = 1 - np.abs(np.nan_to_num(value))
    clusters: list[list[int]] = [[index] for index in range(len(value))]
    while len(clusters) > 1:
        pairs = [(a, b) for b in range(len(clusters)) for a in range(b)]
        first, second = min(pairs, key=lambda pair: distance[np.ix_(clusters[pair[0]], clusters[pair[1]])].mean())
        clusters[first] += clusters.pop(second)
    return clusters[0] if clusters else []


def slope_with_interval(x: FloatArray, y: FloatArray) -> tuple[float, float, float] | None:
    """Least-squares slope of y on x with a 95 % interval from redrawn points; None below four or for a constant x."""
    known = np.isfinite(x) & np.isfinite(y)
    x, y = x[known], y[known]
    if len(x) < 4 or np.ptp(x) == 0:
        return None
    draws = np.random.default_rng(0).integers(0, len(x), (SLOPE_DRAWS, len(x)))
    slopes = _slopes(x[draws], y[draws])
    low, high = np.nanquantile(slopes, [FALSE_SHARE / 2, 1 - FALSE_SHARE / 2])
    return float(_slopes(x[None], y[None])[0]), float(low), float(high)


def _slopes(x: FloatArray, y: FloatArray) -> FloatArray:
    """Along the last axis; NaN where x is constant."""
    x_centred = x - x.mean(axis=-1, keepdims=True)
    spread = (x_centred**2).sum(axis=-1)
    product = (x_centred * (y - y.mean(axis=-1, keepdims=True))).sum(axis=-1)
    return np.divide(product, spread, out=np.full_like(product, np.nan), where=spread > 0)


def _p_value(value: float, num: int) -> float:
    if not math.isfinite(value) or num <= 3:
        return 1.0
    if abs(value) >= 1:
        return 0.0
    return 2 * (1 - NormalDist().cdf(abs(math.atanh(value)) / math.sqrt(RANK_VARIANCE / (num - 3))))
