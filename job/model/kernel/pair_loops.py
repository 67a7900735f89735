# ruff: noqa: PLR0917 - a compiled function takes its arguments by position
"""Compiled loops over pairs: products of scaled differences, their logarithms, and which pairs may not answer.

Shapes: F features of a group, F even; G groups. The bank is features-major, (F, B): every innermost loop runs over
contiguous bank rows, and is vectorised. S is the sum over features of log(1 + |q_f - b_f|), held as a running product:
a subtraction, an absolute value and a multiply-add for each feature, and one logarithm a pair. Where a float32 could
overflow, the product hands its power of two to an integer; that is exact, so it does not matter how often.
"""

import numpy as np

from job.arrays import BoolArray, Float32Array, IntArray
from job.model.kernel.loops import Int32Array, f32, i32, part

LOG_2 = f32(np.log(2))
MANTISSA_BITS = 23
SQRT_HALF = 0x3F3504F3  # bits of float32 sqrt(1/2): mantissas from there to sqrt(2) suit the logarithm's series


@part
def _exponent(x: f32) -> i32:
    return i32(i32(f32(x).view(i32) - SQRT_HALF) >> MANTISSA_BITS)


@part
def power_of_two(n: i32) -> f32:
    """2^n of a float32's exponent."""
    return f32(i32(i32(127 + n) << MANTISSA_BITS).view(f32))


@part
def _log_of_mantissa(m: f32) -> f32:
    # log m = 2 artanh((m - 1) / (m + 1)), whose argument is below .172: five terms leave 2e-9.
    r = (m - f32(1)) / (m + f32(1))
    z = r * r
    return f32(2) * r * (f32(1) + z * (f32(1 / 3) + z * (f32(1 / 5) + z * (f32(1 / 7) + z * f32(1 / 9)))))


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
        product[j] *= power_of_two(i32(-n))
        exponent[j] = i32(exponent[j] + n)


@part
def products(
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
        out[j] = f32(i32(exponent[j] + n)) * LOG_2 + _log_of_mantissa(product[j] * power_of_two(i32(-n)))


@part
def sums_of_logs(
    query: Float32Array, bank: Float32Array, ends: IntArray, is_split: BoolArray, start: int,
    product: Float32Array, exponent: Int32Array, out: Float32Array, place: int,
) -> None:  # fmt: skip
    """Every group's S of one query and the bank rows from ``start``, to ``out``, (G, rows), from ``place`` on."""
    begin = 0
    for group in range(ends.size):
        end = ends[group]
        products(query[begin:end], bank[begin:end], is_split[begin:end], start, product, exponent)
        _logarithms(product, exponent, out[group, place : place + product.size])
        begin = end


@part
def weigh_groups(sums: Float32Array, factors: Float32Array, out: Float32Array) -> None:
    """Add each group's S, (G, rows), times its factor to ``out``."""
    for group in range(factors.size):
        row, factor = sums[group], factors[group]
        for j in range(out.size):
            out[j] += factor * row[j]


@part
def mask_row(
    row: Float32Array, value: f32, q: int, start: int, mask: BoolArray, query_spans: IntArray, bank_spans: IntArray
) -> None:
    """Write ``value`` where a bank row, the first of which is ``start``, may not answer the query."""
    if bank_spans.shape[1] > 0:
        start_ms, end_ms = query_spans[0, q], query_spans[1, q]
        starts_ms, ends_ms = bank_spans[0, start:], bank_spans[1, start:]
        for j in range(row.size):
            row[j] = value if (start_ms <= ends_ms[j]) & (starts_ms[j] <= end_ms) else row[j]
    if mask.shape[1] > 0:
        is_masked = mask[q, start:]
        for j in range(row.size):
            row[j] = value if is_masked[j] else row[j]
