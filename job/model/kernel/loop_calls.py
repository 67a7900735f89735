"""The compiled loops as functions of tensors: the room they work in, and how their work is dealt to threads.

Shapes: Q queries, B bank rows, F features of all groups, G groups. Results do not depend on the number of threads.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from job.arrays import BoolArray, Float32Array, IntArray
from job.model.kernel.columns import Columns
from job.model.kernel.entries import QUERIES, TILE
from job.model.kernel.machine_code import entries
from job.model.kernel.spans import LabelSpans

PARTS_A_THREAD = 4  # features of an embedding cost more than others: threads take the next part when they are done


def vote_rows(
    columns: Columns,
    labels: Tensor,
    log_weights: Tensor | None,
    sharpness: Tensor,
    mask: Tensor | LabelSpans | None,
    *,
    weights: Tensor,
    num_threads: int,
) -> Tensor:
    """Fill ``weights``, (Q, B) or (0, B); what `vote_loops.vote_rows` tells, float32 (2 + 2 G, Q)."""
    num_groups, num_queries, num_bank = len(sharpness), len(columns.queries), columns.bank.shape[1]
    told = torch.empty(2 + 2 * num_groups, num_queries)
    given = (
        columns.queries.numpy(),
        columns.bank.numpy(),
        columns.ends,
        columns.is_split,
        labels.contiguous().numpy(),
        np.zeros(num_bank, np.float32) if log_weights is None else log_weights.contiguous().numpy(),
        -sharpness.numpy(),
        *_masks(mask),
        weights.numpy(),
        told.numpy(),
    )

    loop = entries()["vote_rows"]

    def answer(first: int, last: int) -> None:
        sums, unkept = np.empty((QUERIES, num_groups, num_bank), np.float32), np.empty(num_bank, np.float32)
        loop(*given, *_tile(), sums, unkept, first, last)

    _deal(answer, num_queries, num_threads)
    return told


def gradient_columns(
    columns: Columns,
    labels: Tensor,
    weights: Tensor,
    *,
    slope: Tensor,
    level: Tensor,
    first: int,
    last: int,
    rows_from: int,
    num_threads: int,
) -> tuple[Tensor, Tensor, Tensor]:
    """Sums of `gradient_loops.gradient_columns` for features from first to last: float64 (F,), (F, Q) and (F, B)."""
    num_features, num_bank = columns.bank.shape
    # numpy's zeros take no memory before they are written to: only what is asked for costs anything.
    sums = (
        np.zeros(num_features),
        np.zeros((num_features, len(columns.queries)), np.float32),
        np.zeros((num_features, num_bank), np.float32),
    )
    given = [part.contiguous().numpy() for part in (columns.queries, columns.bank, labels, weights, slope, level)]

    loop = entries()["gradient_columns"]

    def add(start: int, stop: int) -> None:
        pulls = np.empty((QUERIES, TILE), np.float32)
        loop(*given, *sums, pulls, rows_from, start, stop)

    _deal(add, last, num_threads, first=first)
    scale_sums, query_sums, bank_sums = (torch.from_numpy(part) for part in sums)
    return scale_sums, query_sums, bank_sums


def nearest_rows(
    columns: Columns,
    shares: Tensor,
    mask: Tensor | LabelSpans | None,
    *,
    num_nearest: int,
    is_by_product: bool,
    num_threads: int,
) -> IntArray:
    """Heaps of `nearest_loops.nearest_rows`, int64 (Q, k), in no order."""
    heaps = np.full((len(columns.queries), num_nearest), np.iinfo(np.int64).max)
    queries, bank = columns.queries.numpy(), columns.bank.numpy()
    given = (queries, bank, columns.ends, columns.is_split, shares.numpy(), *_masks(mask), heaps)

    loop = entries()["nearest_rows"]

    def find(first: int, last: int) -> None:
        sums = np.empty((len(columns.ends), TILE), np.float32)
        loop(*given, *_tile(), sums, int(is_by_product), first, last)

    _deal(find, len(heaps), num_threads)
    return heaps


def _tile() -> tuple[Float32Array, NDArray[np.int32]]:
    """Room for the products of a tile, and for their powers of two."""
    return np.empty(TILE, np.float32), np.empty(TILE, np.int32)


def _masks(mask: Tensor | LabelSpans | None) -> tuple[BoolArray, IntArray, IntArray]:
    """Mask, query spans and bank spans as the loops take them."""
    pairs, query_spans, bank_spans = np.zeros((0, 0), np.bool_), np.zeros((2, 0), np.int64), np.zeros((2, 0), np.int64)
    if isinstance(mask, LabelSpans):
        query_spans = torch.stack([mask.query_start_ms, mask.reach_ms]).numpy()
        bank_spans = torch.stack([mask.bank_start_ms, mask.bank_end_ms]).numpy()
    elif mask is not None:
        pairs = mask.contiguous().numpy()
    return pairs, query_spans, bank_spans


def _deal(work: Callable[[int, int], None], last: int, num_threads: int, *, first: int = 0) -> None:
    """Do ``work(first, last)`` in even parts."""
    num_parts = num_threads * PARTS_A_THREAD if num_threads > 1 else 1
    size = 2 * -(-(last - first) // (2 * num_parts))
    parts = [(begin, min(begin + size, last)) for begin in range(first, last, max(1, size))]
    if len(parts) == 1:
        work(*parts[0])
    elif parts:
        with ThreadPoolExecutor(num_threads) as pool:
            list(pool.map(work, *zip(*parts, strict=True)))
