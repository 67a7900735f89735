# ruff: noqa: PLR0917 - a compiled function takes its arguments by position
"""The compiled loops of the vote and of the nearest rows: scaled features in, sums over pairs out.

Shapes: Q queries, B bank rows, F features, F even. The bank is features-major, (F, B): every innermost loop runs over
contiguous bank rows, and is vectorised. S is the sum over features of log(1 + |q_f - b_f|), held as a running product:
a subtraction, an absolute value and a multiply-add for each feature, and one logarithm a pair. Where a float32 could
overflow, the product hands its power of two to an integer; that is exact, so it does not matter how often.
Each query is answered by itself: how they are dealt to threads cannot change a bit.
"""

import numpy as np

from job.arrays import BoolArray, Float32Array, IntArray
from job.model.kernel.loops import QUERIES, TILE, Int32Array, entry, f32, i32, part

BLOCK = 64  # keys of which only the least is looked at, unless it is among the nearest
LOG_2 = f32(np.log(2))
MANTISSA_BITS, LARGEST_INT = 23, 0x7FFFFFFF
SQRT_HALF = 0x3F3504F3  # bits of float32 sqrt(1/2): mantissas from there to sqrt(2) suit the logarithm's series
SMALLEST_SCORE = f32(-87)  # exp of less is below float32's normal numbers: 0
# A masked pair's sum gives it a score below the lowest peak; a real score is above -1e8 at the smallest temperature.
MASKED_SUM, LOWEST_PEAK = f32(1e30), f32(-1e20)


@part
def _exponent(x: f32) -> i32:
    return i32(i32(f32(x).view(i32) - SQRT_HALF) >> MANTISSA_BITS)


@part
def _power_of_two(n: i32) -> f32:
    return f32(i32(i32(127 + n) << MANTISSA_BITS).view(f32))


@part
def _log_of_mantissa(m: f32) -> f32:
    # log m = 2 artanh((m - 1) / (m + 1)), whose argument is below .172: five terms leave 2e-9.
    r = (m - f32(1)) / (m + f32(1))
    z = r * r
    return f32(2) * r * (f32(1) + z * (f32(1 / 3) + z * (f32(1 / 5) + z * (f32(1 / 7) + z * f32(1 / 9)))))


@part
def _exp(x: f32) -> f32:
    # For x <= 0: 2^n times the Taylor series of a rest below .35, of which eight terms leave 5e-9.
    n = i32(x * f32(1.4426950408889634) - f32(0.5))
    r = x - f32(n) * LOG_2
    tail = f32(1 / 24) + r * (f32(1 / 120) + r * (f32(1 / 720) + r * f32(1 / 5040)))
    series = f32(1) + r * (f32(1) + r * (f32(1 / 2) + r * (f32(1 / 6) + r * tail)))
    return f32(0) if x < SMALLEST_SCORE else series * _power_of_two(n)


@part
def _in_order(bits: i32) -> i32:
    # Floats order as these integers do, not-a-number above all. It is its own inverse.
    return i32(bits ^ i32(i32(bits >> 31) & LARGEST_INT))


@part
def _multiply_two(product: Float32Array, x: Float32Array, b0: Float32Array, b1: Float32Array) -> None:
    x0, x1 = x[0], x[1]
    for j in range(product.size):
        p = product[j]
        p += p * abs(x0 - b0[j])
        p += p * abs(x1 - b1[j])
        product[j] = p


@part
def _multiply_four(
    product: Float32Array, x: Float32Array, b0: Float32Array, b1: Float32Array, b2: Float32Array, b3: Float32Array
) -> None:
    x0, x1, x2, x3 = x[0], x[1], x[2], x[3]
    for j in range(product.size):
        p = product[j]
        p += p * abs(x0 - b0[j])
        p += p * abs(x1 - b1[j])
        p += p * abs(x2 - b2[j])
        p += p * abs(x3 - b3[j])
        product[j] = p


@part
def _take_exponents(product: Float32Array, exponent: Int32Array) -> None:
    for j in range(product.size):
        n = _exponent(product[j])
        product[j] *= _power_of_two(i32(-n))
        exponent[j] = i32(exponent[j] + n)


@part
def _products(
    query: Float32Array,
    bank: Float32Array,
    is_split: BoolArray,
    start: int,
    product: Float32Array,
    exponent: Int32Array,
) -> None:
    """Products of 1 + |q - b| of one query and the bank rows from ``start``, over two to the power of ``exponent``."""
    stop, f = start + product.size, 0
    product[:] = f32(1)
    exponent[:] = i32(0)
    while f < query.size:
        b0, b1 = bank[f, start:stop], bank[f + 1, start:stop]
        if f + 4 <= query.size:
            _multiply_four(product, query[f:], b0, b1, bank[f + 2, start:stop], bank[f + 3, start:stop])
            f += 4
        else:
            _multiply_two(product, query[f:], b0, b1)
            f += 2
        if is_split[f - 1]:
            _take_exponents(product, exponent)


@part
def _logarithms(product: Float32Array, exponent: Int32Array, out: Float32Array) -> None:
    for j in range(product.size):
        n = _exponent(product[j])
        out[j] = f32(i32(exponent[j] + n)) * LOG_2 + _log_of_mantissa(product[j] * _power_of_two(i32(-n)))


@part
def _mask_meeting(row: Float32Array, start_ms: int, end_ms: int, starts_ms: IntArray, ends_ms: IntArray) -> None:
    for j in range(row.size):
        row[j] = MASKED_SUM if (start_ms <= ends_ms[j]) & (starts_ms[j] <= end_ms) else row[j]


@part
def _mask_given(row: Float32Array, mask: BoolArray) -> None:
    for j in range(row.size):
        row[j] = MASKED_SUM if mask[j] else row[j]


@part
def _weigh(
    row: Float32Array, labels: Float32Array, log_weights: Float32Array, sharpness: f32
) -> tuple[f32, f32, f32, f32]:
    """Turn a row of S into weights that sum to 1, or to 0; what `vote_rows` tells of it."""
    top = _in_order(f32(LOWEST_PEAK).view(i32))
    for j in range(row.size):
        score = log_weights[j] - sharpness * row[j]
        row[j] = score
        top = max(top, _in_order(f32(score).view(i32)))
    peak = i32(_in_order(top)).view(f32)
    mass, up, decay, decay_up = f32(0), f32(0), f32(0), f32(0)
    for j in range(row.size):
        score = row[j] - peak
        weight = _exp(score)
        row[j] = weight
        part = weight * (log_weights[j] - score)
        mass += weight
        up += weight * labels[j]
        decay += part
        decay_up += part * labels[j]
    if mass == f32(0):
        return f32(0), f32(-np.inf), f32(0), f32(0)
    inverse = f32(1) / mass
    for j in range(row.size):
        row[j] *= inverse
    share, decay = up * inverse, decay * inverse
    return share, peak + f32(np.log(mass)), decay - peak, decay_up * inverse - share * decay


@entry
def vote_rows(
    queries: Float32Array, bank: Float32Array, is_split: BoolArray, labels: Float32Array, log_weights: Float32Array,
    sharpness: f32, mask: BoolArray, query_spans: IntArray, bank_spans: IntArray, weights: Float32Array,
    told: Float32Array, first: int, last: int,
) -> None:  # fmt: skip
    """Votes of the queries from ``first`` to ``last``.

    Parameters
    ----------
    queries, bank : scaled, float32 (Q, F) and (F, B).
    is_split : bool (F,), after which features a product hands over its power of two.
    labels, log_weights : float32 (B,)
    sharpness : a score is log_weights - sharpness * S.
    mask : bool (Q, B), true where a row may not vote, or (0, 0).
    query_spans, bank_spans : int64 (2, Q) and (2, B), starts and ends, or (2, 0): rows that meet may not vote.
    weights : out, float32 (Q, B), a query's sum to 1, or to 0 where no row may vote.
    told : out, float32 (4, Q): weighted mean label, logarithm of the sum of weights, weighted mean of sharpness * S,
        and its covariance with the label.
    """
    product, exponent = np.empty(TILE, f32), np.empty(TILE, i32)
    for chunk in range(first, last, QUERIES):
        chunk_end = min(chunk + QUERIES, last)
        for start in range(0, bank.shape[1], TILE):
            size = min(TILE, bank.shape[1] - start)
            for q in range(chunk, chunk_end):
                _products(queries[q], bank, is_split, start, product[:size], exponent[:size])
                _logarithms(product[:size], exponent[:size], weights[q, start : start + size])
        for q in range(chunk, chunk_end):
            if bank_spans.shape[1] > 0:
                _mask_meeting(weights[q], query_spans[0, q], query_spans[1, q], bank_spans[0], bank_spans[1])
            if mask.shape[1] > 0:
                _mask_given(weights[q], mask[q])
            told[0, q], told[1, q], told[2, q], told[3, q] = _weigh(weights[q], labels, log_weights, sharpness)


@part
def _replace_largest(heap: IntArray, value: np.int64) -> None:
    """Put ``value`` in the place of the largest, which a heap holds at its root."""
    place, child = 0, 1
    while child < heap.size:
        if child + 1 < heap.size and heap[child + 1] > heap[child]:
            child += 1
        if heap[child] <= value:
            break
        heap[place] = heap[child]
        place, child = child, 2 * child + 1
    heap[place] = value


@part
def _least(keys: Float32Array) -> i32:
    least = i32(LARGEST_INT)
    for j in range(keys.size):
        least = min(least, f32(keys[j]).view(i32))
    return least


@part
def _select(keys: Float32Array, start: int, heap: IntArray) -> None:
    for first in range(0, keys.size, BLOCK):
        block = keys[first : min(first + BLOCK, keys.size)]
        if np.int64(_least(block)) << 32 < heap[0]:
            for j in range(block.size):
                value = (np.int64(f32(block[j]).view(i32)) << 32) + (start + first + j)
                if value < heap[0]:
                    _replace_largest(heap, value)


@entry
def nearest_rows(
    queries: Float32Array, bank: Float32Array, is_split: BoolArray, heaps: IntArray, first: int, last: int
) -> None:
    """The k nearest bank rows of the queries from ``first`` to ``last``.

    Parameters
    ----------
    heaps : out, int64 (Q, k), filled with the largest int64: in the upper half of each the bits of a float32 key, which
        is not negative and so orders as its bits do, in the lower half the row; of equal keys the lower row is nearer.
        A key is S, or, where no product is split, the product itself, which needs no logarithm.
    """
    product, exponent, logarithm = np.empty(TILE, f32), np.empty(TILE, i32), np.empty(TILE, f32)
    is_any_split = is_split.any()
    for chunk in range(first, last, QUERIES):
        for start in range(0, bank.shape[1], TILE):
            size = min(TILE, bank.shape[1] - start)
            for q in range(chunk, min(chunk + QUERIES, last)):
                _products(queries[q], bank, is_split, start, product[:size], exponent[:size])
                if is_any_split:
                    _logarithms(product[:size], exponent[:size], logarithm[:size])
                    _select(logarithm[:size], start, heaps[q])
                else:
                    _select(product[:size], start, heaps[q])
