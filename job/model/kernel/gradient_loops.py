# ruff: noqa: PLR0917 - a compiled function takes its arguments by position
"""The compiled loops of the vote's gradients: scaled features and weights of pairs in, sums over pairs out.

Shapes: Q queries, B bank rows, F features, F even; the bank is (F, B). Two features share a division, the dearest step.
Each feature's sums are taken by themselves: how features are dealt to threads cannot change a bit.
"""

from job.arrays import Float32Array, FloatArray
from job.model.kernel.loops import QUERIES, TILE, entry, f32, part


@part
def _pulls(weights: Float32Array, labels: Float32Array, slope: f32, level: f32, out: Float32Array) -> None:
    for j in range(out.size):
        out[j] = weights[j] * (slope * labels[j] + level)


@part
def _scale_pair(pull: Float32Array, x0: f32, x1: f32, b0: Float32Array, b1: Float32Array) -> tuple[f32, f32]:
    """Sums of pull * u / (1 + u), u = |x - b|, for two features, which share the division."""
    sum0, sum1 = f32(0), f32(0)
    for j in range(pull.size):
        u0, u1 = abs(x0 - b0[j]), abs(x1 - b1[j])
        ratio = pull[j] / ((f32(1) + u0) * (f32(1) + u1))
        sum0 += ratio * (u0 + u0 * u1)
        sum1 += ratio * (u1 + u0 * u1)
    return sum0, sum1


@part
def _signed(value: f32, difference: f32) -> f32:
    return value if difference > f32(0) else (-value if difference < f32(0) else f32(0))


@part
def _row_pair(
    pull: Float32Array, x0: f32, x1: f32, b0: Float32Array, b1: Float32Array, out0: Float32Array, out1: Float32Array
) -> tuple[f32, f32, f32, f32]:
    """The same, and sums of pull * sign(x - b) / (1 + u), which ``out0`` and ``out1`` gain row by row."""
    sum0, sum1, total0, total1 = f32(0), f32(0), f32(0), f32(0)
    for j in range(pull.size):
        d0, d1 = x0 - b0[j], x1 - b1[j]
        f0, f1 = f32(1) + abs(d0), f32(1) + abs(d1)
        ratio = pull[j] / (f0 * f1)
        sum0 += ratio * f1 * abs(d0)
        sum1 += ratio * f0 * abs(d1)
        part0, part1 = _signed(ratio * f1, d0), _signed(ratio * f0, d1)
        total0 += part0
        total1 += part1
        out0[j] += part0
        out1[j] += part1
    return sum0, sum1, total0, total1


@entry
def gradient_columns(
    queries: Float32Array, bank: Float32Array, labels: Float32Array, weights: Float32Array, slope: Float32Array,
    level: Float32Array, scale_sums: FloatArray, query_sums: Float32Array, bank_sums: Float32Array,
    pulls: Float32Array, rows_from: int, first: int, last: int,
) -> None:  # fmt: skip
    """Sums over pairs for the features from ``first`` to ``last``, both even.

    A pair pulls with weight * (slope_q * label_b + level_q), and u = |q - b|.

    Parameters
    ----------
    slope, level : float32 (Q,)
    scale_sums : gains, float64 (F,), sums of pull * u / (1 + u).
    query_sums, bank_sums : gain, float32 (F, Q) and (F, B), sums of pull * sign(q - b) / (1 + u).
    pulls : room to work in, float32 (QUERIES, TILE).
    rows_from : even, the first feature of which the latter are wanted.
    """
    num_queries, num_bank = len(queries), bank.shape[1]
    for chunk in range(0, num_queries, QUERIES):
        chunk_end = min(chunk + QUERIES, num_queries)
        for start in range(0, num_bank, TILE):
            stop = min(start + TILE, num_bank)
            for q in range(chunk, chunk_end):
                pull = pulls[q - chunk, : stop - start]
                _pulls(weights[q, start:stop], labels[start:stop], slope[q], level[q], pull)
            for f in range(first, last, 2):
                b0, b1 = bank[f, start:stop], bank[f + 1, start:stop]
                for q in range(chunk, chunk_end):
                    pull, x0, x1 = pulls[q - chunk, : stop - start], queries[q, f], queries[q, f + 1]
                    if f < rows_from:
                        sum0, sum1 = _scale_pair(pull, x0, x1, b0, b1)
                    else:
                        out0, out1 = bank_sums[f, start:stop], bank_sums[f + 1, start:stop]
                        sum0, sum1, total0, total1 = _row_pair(pull, x0, x1, b0, b1, out0, out1)
                        query_sums[f, q] += total0
                        query_sums[f + 1, q] += total1
                    scale_sums[f] += sum0
                    scale_sums[f + 1] += sum1
