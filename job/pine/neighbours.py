"""The indicator's neighbour vote, to the letter: not the nearest, but the last links of a rising chain of distances.

Candidates are walked from the oldest to the newest, leaving out every fourth. One whose Lorentzian distance is not
below the last accepted one's is accepted; only the newest `NEIGHBOURS` accepted remain, and when they overflow, the
bar to clear falls back to the distance at three quarters of them. What remains is carried to the next bar.
"""

from collections import deque

import numpy as np

from job.arrays import BoolArray, FloatArray, IntArray

NEIGHBOURS = 8
FALL_BACK = round(NEIGHBOURS * 3 / 4)
SKIP_EVERY = 4
LABEL_BARS = 4
# Bars whose distances are in work at once: at 2,000 candidates a megabyte, whatever the length of the history.
CHUNK_BARS = 32


def trailing_labels(close: FloatArray) -> IntArray:
    """1 where the price is below that of four bars ago, -1 where above: the past move, inverted. 0 before."""
    label = np.zeros(len(close), dtype=np.int64)
    label[LABEL_BARS:] = np.sign(close[:-LABEL_BARS] - close[LABEL_BARS:])
    return label


def may_vote(bar: IntArray) -> BoolArray:
    """Whether bars, counted from the chart's first, are candidates: all but every fourth."""
    allowed: BoolArray = bar % SKIP_EVERY != 0
    return allowed


def chain_votes(features: FloatArray, labels: IntArray, first_candidate: IntArray) -> IntArray:
    """Sum of the labels in the chain, as it stands at each bar.

    Parameters
    ----------
    features : float64 (n, F), a NaN row is neither asked nor a candidate.
    labels : int64 (n,)
    first_candidate : int64 (n,), not falling
        The oldest bar that may vote at each bar; past the bar itself where there is no vote yet.

    Returns
    -------
    int64 (n,), from -8 to 8; 0 where there is no vote yet.

    Notes
    -----
    Distances are products of 1 + |difference|: the exponential of the Lorentzian distance, which ranks alike.
    """
    candidates = np.flatnonzero(may_vote(np.arange(len(features))))
    columns, candidate_labels = features[candidates].T.copy(), labels[candidates]
    starts = np.searchsorted(candidates, first_candidate)
    ends = np.searchsorted(candidates, np.arange(len(features)), side="right")
    ends = np.maximum(ends, starts)  # nobody votes before the first candidate
    chain: deque[tuple[float, int]] = deque()
    votes = np.zeros(len(features), dtype=np.int64)
    for first in range(0, len(features), CHUNK_BARS):
        bars = range(first, min(first + CHUNK_BARS, len(features)))
        window = slice(int(starts[first]), int(ends[bars[-1]]))
        products = _products(features[bars.start : bars.stop], columns[:, window])
        for bar in bars:
            own = slice(int(starts[bar]), int(ends[bar]))
            _extend(
                chain, products[bar - first, own.start - window.start : own.stop - window.start], candidate_labels[own]
            )
            votes[bar] = sum(label for _, label in chain)
    return votes


def _products(queries: FloatArray, columns: FloatArray) -> FloatArray:
    product = np.ones((len(queries), columns.shape[1]))
    factor = np.empty_like(product)
    for query, column in zip(queries.T, columns, strict=True):
        np.abs(np.subtract(query[:, None], column, out=factor), out=factor)
        product *= np.add(factor, 1, out=factor)
    return product


def _extend(chain: deque[tuple[float, int]], distances: FloatArray, labels: IntArray) -> None:
    """Walk one bar's candidates; jumps from one accepted to the next, of which there are few."""
    to_clear, position = 0.0, 0
    while position < len(distances):
        clears = distances[position:] >= to_clear
        ahead = int(clears.argmax())
        if not clears[ahead]:
            return
        position += ahead
        to_clear = float(distances[position])
        chain.append((to_clear, int(labels[position])))
        if len(chain) > NEIGHBOURS:
            to_clear = chain[FALL_BACK][0]
            chain.popleft()
        position += 1
