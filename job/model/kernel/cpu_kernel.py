"""The vote and the nearest rows on the CPU, float32: torch's side of the compiled loops, and the gradient's algebra.

Shapes: Q queries, B bank rows, F features of a group, G groups. With u = s_f |q_f - b_f| (s = 1 in an embedding), a
group's sum is S_g = sum_f log(1 + u), k_g = shares_g / tau, a pair's score log v_b - sum_g k_g S_g, and its weight
p = exp(score - log-normaliser). For gradients a of the share and h of the log-normaliser, a pair pulls its score with
c = p (a (y_b - share) + h), and

    d s_f    = -k_g / s_f  sum_qb c u / (1 + u)
    d q_f    = -k_g s_f    sum_b  c sign(q_f - b_f) / (1 + u)            d b_f likewise over q, with the other sign
    d k_g    = -sum_q (a cov_p(S_g, y) + h mean_p(S_g))

and from k_g on, to tau and the gate, autograd's own. Only the (Q, B) weights are kept for the backward pass, and
nothing of that size where no gradient is asked for; u is computed again.
"""

from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from job.model.kernel.columns import Columns
from job.model.kernel.loop_calls import gradient_columns, nearest_rows, vote_rows
from job.model.kernel.pairs import Embedding, Pairs
from job.model.kernel.spans import LabelSpans

ROW_BITS = 32  # of a heap's number, below its key


def vote(
    pairs: Pairs, labels: Tensor, temperature: Tensor, log_weights: Tensor | None, *, num_threads: int
) -> tuple[Tensor, Tensor]:
    """Weighted mean label and logarithm of the sum of weights, float32 (Q,) each; as `vote.lorentzian_vote`."""
    embedding = pairs.embedding
    embedded = (None, None) if embedding is None else (embedding.queries, embedding.bank)
    learned = (pairs.queries, pairs.bank, pairs.scales, *embedded, pairs.shares / temperature)
    is_learning = torch.is_grad_enabled() and any(part is not None and part.requires_grad for part in learned)
    share, log_normaliser = _Vote.apply(  # type: ignore[no-untyped-call]
        *learned, labels, log_weights, pairs.mask, is_learning, num_threads
    )
    return share, log_normaliser


def weights(pairs: Pairs, temperature: Tensor, log_weights: Tensor | None, *, num_threads: int) -> Tensor:
    """What each row is of a query's vote, float32 (Q, B); as `vote.vote_weights`."""
    found, labels = torch.empty(len(pairs.queries), len(pairs.bank)), torch.zeros(len(pairs.bank))
    sharpness = pairs.shares / temperature
    vote_rows(Columns.of(pairs), labels, log_weights, sharpness, pairs.mask, weights=found, num_threads=num_threads)
    return found


@torch.no_grad()
def nearest(pairs: Pairs, num_nearest: int, *, num_threads: int) -> tuple[Tensor, Tensor]:
    """Numbers of the nearest rows, int64 (Q, k), and their distances, float32 (Q, k); ties by number."""
    columns = Columns.of(pairs)
    is_by_product = len(columns.ends) == 1 and not columns.is_split.any()
    heaps = nearest_rows(
        columns,
        pairs.shares,
        pairs.mask,
        num_nearest=num_nearest,
        is_by_product=is_by_product,
        num_threads=num_threads,
    )
    heaps.sort(axis=1)
    key = torch.from_numpy((heaps >> ROW_BITS).astype(np.int32)).view(torch.float32)
    distance = key.log() * pairs.shares if is_by_product else key
    return torch.from_numpy(heaps & ((1 << ROW_BITS) - 1)), distance


class _Vote(torch.autograd.Function):
    @staticmethod
    def forward(  # noqa: PLR0917 - autograd passes by position
        ctx: Any,
        queries: Tensor,
        bank: Tensor,
        scales: Tensor,
        embedded: Tensor | None,
        embedded_bank: Tensor | None,
        sharpness: Tensor,
        labels: Tensor,
        log_weights: Tensor | None,
        mask: Tensor | LabelSpans | None,
        is_learning: bool,
        num_threads: int,
    ) -> tuple[Tensor, Tensor]:
        embedding = None
        if embedded is not None and embedded_bank is not None:
            embedding = Embedding(queries=embedded, bank=embedded_bank, share=sharpness)
        columns = Columns.of(Pairs(queries=queries, bank=bank, scales=scales, embedding=embedding))
        weights = torch.empty(len(queries) if is_learning else 0, len(bank))
        told = vote_rows(columns, labels, log_weights, sharpness, mask, weights=weights, num_threads=num_threads)
        if is_learning:
            ctx.save_for_backward(scales, sharpness, labels, weights, told)
            ctx.columns, ctx.num_threads = columns, num_threads
            ctx.num_embedded = 0 if embedded is None else embedded.shape[1]
        return told[0].clone(), told[1].clone()

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, share_gradient: Tensor, log_gradient: Tensor) -> tuple[Tensor | None, ...]:
        scales, sharpness, labels, weights, told = ctx.saved_tensors
        share, means, covariances = told[0], told[2::2], told[3::2]
        sharpness_gradient = -(share_gradient * covariances + log_gradient * means).sum(dim=1)
        wants_queries, wants_bank, wants_scales, wants_embedded, wants_embedded_bank = ctx.needs_input_grad[:5]
        wants_rows, own_end = wants_queries or wants_bank, int(ctx.columns.ends[0])
        scale_sums, query_sums, bank_sums = gradient_columns(
            ctx.columns,
            labels,
            weights,
            slope=share_gradient,
            level=log_gradient - share_gradient * share,
            first=0 if wants_rows or wants_scales else own_end,
            last=int(ctx.columns.ends[-1]) if wants_embedded or wants_embedded_bank else own_end,
            rows_from=0 if wants_rows else own_end,
            num_threads=ctx.num_threads,
        )
        own, other = slice(0, len(scales)), slice(own_end, own_end + ctx.num_embedded)
        slope = sharpness[0] * scales
        return (
            -query_sums[own].t() * slope if wants_queries else None,
            bank_sums[own].t() * slope if wants_bank else None,
            -sharpness[0] / scales * scale_sums[own].float() if wants_scales else None,
            -query_sums[other].t() * sharpness[-1] if wants_embedded else None,
            bank_sums[other].t() * sharpness[-1] if wants_embedded_bank else None,
            sharpness_gradient,
            *[None] * 5,
        )
