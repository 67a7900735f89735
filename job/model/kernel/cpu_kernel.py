"""The vote and the nearest rows on the CPU, float32: torch's side of the compiled loops, and the gradient's algebra.

Shapes: Q queries, B bank rows, F features. With u = s_f |q_f - b_f|, S = sum_f log(1 + u), k = 1 / (F tau), a
pair's score is log v_b - k S, and its weight p = exp(score - log-normaliser). For gradients g of the share and h of
the log-normaliser, a pair pulls its score with c = p (g (y_b - share) + h), and

    d s_f    = -k / s_f  sum_qb c u / (1 + u)
    d q_f    = -k s_f    sum_b  c sign(q_f - b_f) / (1 + u)             d b_f likewise over q, with the other sign
    d tau    = 1 / tau   sum_q  (g cov_p(k S, y) + h mean_p(k S))

Only the (Q, B) weights are kept for the backward pass; u is computed again.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn.functional import pad

from job.arrays import BoolArray
from job.model.kernel.spans import LabelSpans

# Powers of two that a float32 product may gather before it hands them over: 127, less the mantissa's and rounding's.
EXPONENT_ROOM = 120.0
ROW_BITS = 32  # of a heap's number, below its key


def vote(
    queries: Tensor,
    bank: Tensor,
    labels: Tensor,
    *,
    scales: Tensor,
    temperature: Tensor,
    log_weights: Tensor | None,
    mask: Tensor | LabelSpans | None,
    num_threads: int,
) -> tuple[Tensor, Tensor]:
    """Weighted mean label and logarithm of the sum of weights, float32 (Q,) each; as `vote.lorentzian_vote`."""
    share, log_normaliser = _Vote.apply(  # type: ignore[no-untyped-call]
        queries, bank, scales, temperature, labels, log_weights, mask, num_threads
    )
    return share, log_normaliser


class _Vote(torch.autograd.Function):
    @staticmethod
    def forward(  # noqa: PLR0917 - autograd passes by position
        ctx: Any,
        queries: Tensor,
        bank: Tensor,
        scales: Tensor,
        temperature: Tensor,
        labels: Tensor,
        log_weights: Tensor | None,
        mask: Tensor | LabelSpans | None,
        num_threads: int,
    ) -> tuple[Tensor, Tensor]:
        from job.model.kernel.vote_loops import vote_rows

        rows, columns = _scaled(queries, bank, scales)
        sharpness = 1 / (queries.shape[1] * temperature)
        weights, told = torch.empty(len(queries), len(bank)), torch.empty(4, len(queries))
        work = partial(
            vote_rows,
            rows.numpy(),
            columns.numpy(),
            _splits(rows, columns),
            labels.contiguous().numpy(),
            np.zeros(len(bank), np.float32) if log_weights is None else log_weights.contiguous().numpy(),
            np.float32(sharpness.item()),
            *_masks(mask),
            weights.numpy(),
            told.numpy(),
        )
        _run(work, len(queries), num_threads)
        ctx.save_for_backward(rows, columns, scales, temperature, labels, weights, told)
        ctx.num_threads = num_threads
        return told[0].clone(), told[1].clone()

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, share_gradient: Tensor, log_gradient: Tensor) -> tuple[Tensor | None, ...]:
        from job.model.kernel.gradient_loops import gradient_columns

        rows, columns, scales, temperature, labels, weights, (share, _, mean, covariance) = ctx.saved_tensors
        num_features, sharpness = len(scales), 1 / (len(scales) * temperature)
        temperature_gradient = (share_gradient * covariance + log_gradient * mean).sum() / temperature
        wants_queries, wants_bank, wants_scales = ctx.needs_input_grad[:3]
        if not (wants_queries or wants_bank or wants_scales):
            return None, None, None, temperature_gradient, *[None] * 4
        wants_rows = wants_queries or wants_bank
        scale_sums = torch.zeros(len(columns), dtype=torch.float64)
        query_sums, bank_sums = (torch.zeros(part.shape if wants_rows else (0, 0)) for part in (rows.t(), columns))
        work = partial(
            gradient_columns,
            rows.numpy(),
            columns.numpy(),
            labels.contiguous().numpy(),
            weights.numpy(),
            share_gradient.contiguous().numpy(),
            (log_gradient - share_gradient * share).numpy(),
            scale_sums.numpy(),
            query_sums.numpy(),
            bank_sums.numpy(),
        )
        _run(work, len(columns), ctx.num_threads)
        slope = sharpness * scales
        return (
            -query_sums[:num_features].t() * slope if wants_queries else None,
            bank_sums[:num_features].t() * slope if wants_bank else None,
            -sharpness / scales * scale_sums[:num_features].float(),
            temperature_gradient,
            *[None] * 4,
        )


@torch.no_grad()
def nearest(
    queries: Tensor, bank: Tensor, scales: Tensor, num_nearest: int, *, num_threads: int
) -> tuple[Tensor, Tensor]:
    """Numbers of the nearest rows, int64 (Q, k), and their distances, float32 (Q, k); ties by number."""
    from job.model.kernel.vote_loops import nearest_rows

    rows, columns = _scaled(queries, bank, scales)
    is_split = _splits(rows, columns)
    heaps = np.full((len(queries), num_nearest), np.iinfo(np.int64).max)
    _run(partial(nearest_rows, rows.numpy(), columns.numpy(), is_split, heaps), len(queries), num_threads)
    heaps.sort(axis=1)
    key = torch.from_numpy((heaps >> ROW_BITS).astype(np.int32)).view(torch.float32)
    distance = (key if is_split.any() else key.log()) / queries.shape[1]
    return torch.from_numpy(heaps & ((1 << ROW_BITS) - 1)), distance


def _scaled(queries: Tensor, bank: Tensor, scales: Tensor) -> tuple[Tensor, Tensor]:
    """Scaled queries (Q, F) and bank (F, B); an odd number of features gains one that is 0 everywhere."""
    missing = queries.shape[1] % 2
    return pad(queries * scales, (0, missing)).contiguous(), pad((bank * scales).t(), (0, 0, 0, missing)).contiguous()


def _splits(rows: Tensor, columns: Tensor) -> BoolArray:
    """After which features, bool (F,), a product that began with them or after the last split could overflow."""
    is_split = np.zeros(len(columns), np.bool_)
    if not (len(rows) and columns.shape[1]):
        return is_split
    largest = 1 + rows.abs().amax(dim=0).double() + columns.abs().amax(dim=1).double()
    room = np.add.reduceat(largest.log2().numpy(), np.arange(0, len(columns), 4))
    gathered = 0.0
    for block, needed in enumerate(room):
        if block and not gathered + needed <= EXPONENT_ROOM:
            is_split[4 * block - 1] = True
            gathered = 0.0
        gathered += needed
    return is_split


def _masks(mask: Tensor | LabelSpans | None) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Mask, query spans and bank spans as the loops take them."""
    pairs, query_spans, bank_spans = np.zeros((0, 0), np.bool_), np.zeros((2, 0), np.int64), np.zeros((2, 0), np.int64)
    if isinstance(mask, LabelSpans):
        query_spans = torch.stack([mask.query_start_ms, mask.query_end_ms]).numpy()
        bank_spans = torch.stack([mask.bank_start_ms, mask.bank_end_ms]).numpy()
    elif mask is not None:
        pairs = mask.contiguous().numpy()
    return pairs, query_spans, bank_spans


def _run(work: Callable[[int, int], None], count: int, num_threads: int) -> None:
    """Do ``work(first, last)`` for all of ``count``, in even parts."""
    size = 2 * -(-count // (2 * num_threads))
    parts = [(first, min(first + size, count)) for first in range(0, count, max(1, size))]
    if len(parts) == 1:
        work(*parts[0])
    elif parts:
        with ThreadPoolExecutor(len(parts)) as pool:
            list(pool.map(work, *zip(*parts, strict=True)))
