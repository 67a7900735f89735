# ruff: noqa: PLR0917 - a compiled function takes its arguments by position
"""The compiled loops of the nearest rows: scaled features in, a heap of the nearest a query out.

Shapes: Q queries, B bank rows, F features of all groups, G groups. Each query is answered by itself: how they are dealt
to threads cannot change a bit.
"""

import numpy as np

from job.arrays import BoolArray, Float32Array, IntArray
from job.model.kernel.loops import QUERIES, TILE, Int32Array, entry, f32, i32, part
from job.model.kernel.pair_loops import mask_row, products, sums_of_logs, weigh_groups

BLOCK = 64  # keys of which only the least is looked at, unless it is among the nearest
LARGEST_INT = 0x7FFFFFFF


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
    queries: Float32Array, bank: Float32Array, ends: IntArray, is_split: BoolArray, shares: Float32Array,
    mask: BoolArray, query_spans: IntArray, bank_spans: IntArray, heaps: IntArray, product: Float32Array,
    exponent: Int32Array, sums: Float32Array, by_product: int, first: int, last: int,
) -> None:  # fmt: skip
    """The k nearest bank rows of the queries from ``first`` to ``last``.

    Parameters
    ----------
    queries, bank, ends, is_split, mask, query_spans, bank_spans : as of `vote_rows`.
    shares : float32 (G,); a distance is the sum over groups of shares * S.
    heaps : out, int64 (Q, k), filled with the largest int64: in the upper half of each the bits of a float32 key, the
        distance or the product, which is not negative and so orders as its bits do, infinite where masked; in the
        lower half the row: of equal keys the lower row is nearer.
    product, exponent, sums : room to work in, float32 and int32 (TILE,), float32 (G, TILE).
    by_product : 1 with one group whose product is never split: the key is the product, which needs no logarithm.
    """
    num_bank = bank.shape[1]
    for chunk in range(first, last, QUERIES):
        for start in range(0, num_bank, TILE):
            size = min(TILE, num_bank - start)
            tile, powers = product[:size], exponent[:size]
            for q in range(chunk, min(chunk + QUERIES, last)):
                if by_product == 1:
                    products(queries[q], bank, is_split, start, tile, powers)
                else:
                    sums_of_logs(queries[q], bank, ends, is_split, start, tile, powers, sums, 0)
                    tile[:] = f32(0)
                    weigh_groups(sums, shares, tile)
                mask_row(tile, f32(np.inf), q, start, mask, query_spans, bank_spans)
                _select(tile, start, heaps[q])
