# ruff: noqa: PLR0917 - a compiled function takes its arguments by position
"""The compiled loops of the vote: scaled features in, weights of pairs and sums over them out.

Shapes: Q queries, B bank rows, F features of all groups, G groups, T threads' rooms. Each query is answered by itself:
how they are dealt to threads cannot change a bit.
"""

import numpy as np

from job.arrays import BoolArray, Float32Array, IntArray
from job.model.kernel.loops import QUERIES, TILE, Int32Array, entry, f32, i32, part
from job.model.kernel.pair_loops import LOG_2, mask_row, power_of_two, sums_of_logs, weigh_groups

LARGEST_INT = 0x7FFFFFFF
SMALLEST_SCORE = f32(-87)  # exp of less is below float32's normal numbers: 0
# A masked pair's score is below the lowest peak; a real one is above -1e8 at the smallest temperature.
MASKED_SCORE, LOWEST_PEAK = f32(-1e30), f32(-1e20)


@part
def _exp(x: f32) -> f32:
    # For x <= 0: 2^n times the Taylor series of a rest below .35, of which eight terms leave 5e-9.
    n = i32(x * f32(1.4426950408889634) - f32(0.5))
    r = x - f32(n) * LOG_2
    tail = f32(1 / 24) + r * (f32(1 / 120) + r * (f32(1 / 720) + r * f32(1 / 5040)))
    series = f32(1) + r * (f32(1) + r * (f32(1 / 2) + r * (f32(1 / 6) + r * tail)))
    return f32(0) if x < SMALLEST_SCORE else series * power_of_two(n)


@part
def _in_order(bits: i32) -> i32:
    # Floats order as these integers do, not-a-number above all. It is its own inverse.
    return i32(bits ^ i32(i32(bits >> 31) & LARGEST_INT))


@part
def _normalise(row: Float32Array, labels: Float32Array) -> tuple[f32, f32]:
    """Turn scores into weights that sum to 1, or to 0; weighted mean label, and logarithm of the sum of weights."""
    top = _in_order(f32(LOWEST_PEAK).view(i32))
    for j in range(row.size):
        top = max(top, _in_order(f32(row[j]).view(i32)))
    peak = i32(_in_order(top)).view(f32)
    mass, up = f32(0), f32(0)
    for j in range(row.size):
        weight = _exp(row[j] - peak)
        row[j] = weight
        mass += weight
        up += weight * labels[j]
    if mass == f32(0):
        return f32(0), f32(-np.inf)
    inverse = f32(1) / mass
    for j in range(row.size):
        row[j] *= inverse
    return up * inverse, peak + f32(np.log(mass))


@part
def _moments(weights: Float32Array, sums: Float32Array, labels: Float32Array, share: f32) -> tuple[f32, f32]:
    """Weighted mean of S, and its covariance with the label, whose weighted mean is ``share``."""
    mean, covariance = f32(0), f32(0)
    for j in range(weights.size):
        mean += weights[j] * sums[j] if weights[j] != f32(0) else f32(0)  # a masked S may be infinite
    for j in range(weights.size):
        part = weights[j] * ((sums[j] - mean) * (labels[j] - share))
        covariance += part if weights[j] != f32(0) else f32(0)
    return mean, covariance


@entry
def vote_rows(
    queries: Float32Array, bank: Float32Array, ends: IntArray, is_split: BoolArray, labels: Float32Array,
    log_weights: Float32Array, factors: Float32Array, mask: BoolArray, query_spans: IntArray, bank_spans: IntArray,
    weights: Float32Array, told: Float32Array, product: Float32Array, exponent: Int32Array, sums: Float32Array,
    unkept: Float32Array, first: int, last: int,
) -> None:  # fmt: skip
    """Votes of the queries from ``first`` to ``last``.

    Parameters
    ----------
    queries, bank : scaled, float32 (Q, F) and (F, B).
    ends : int64 (G,), where the features of each group end.
    is_split : bool (F,), after which features a product hands over its power of two.
    labels, log_weights : float32 (B,)
    factors : float32 (G,); a score is log_weights + sum over groups of factors * S.
    mask : bool (Q, B), true where a row may not vote, or (0, 0).
    query_spans, bank_spans : int64 (2, Q) and (2, B), starts and ends, or (2, 0): rows that meet may not vote.
    weights : out, float32 (Q, B), a query's sum to 1, or to 0 where no row may vote; or (0, B): not wanted.
    told : out, float32 (2 + 2 G, Q): weighted mean label, logarithm of the sum of weights, and for each group the
        weighted mean of S and its covariance with the label.
    product, exponent, sums, unkept : room to work in, float32 and int32 (TILE,), float32 (QUERIES, G, B) and (B,).
    """
    num_bank = bank.shape[1]
    for chunk in range(first, last, QUERIES):
        chunk_end = min(chunk + QUERIES, last)
        for start in range(0, num_bank, TILE):
            size = min(TILE, num_bank - start)
            tile, powers = product[:size], exponent[:size]
            for q in range(chunk, chunk_end):
                sums_of_logs(queries[q], bank, ends, is_split, start, tile, powers, sums[q - chunk], start)
        for q in range(chunk, chunk_end):
            row = weights[q] if weights.shape[0] > 0 else unkept
            for j in range(num_bank):
                row[j] = log_weights[j]
            weigh_groups(sums[q - chunk], factors, row)
            mask_row(row, MASKED_SCORE, q, 0, mask, query_spans, bank_spans)
            told[0, q], told[1, q] = _normalise(row, labels)
            for g in range(ends.size):
                told[2 + 2 * g, q], told[3 + 2 * g, q] = _moments(row, sums[q - chunk, g], labels, told[0, q])
