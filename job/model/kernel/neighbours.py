"""The nearest rows of the bank, and the rows that make a vote: two answers to "which past was it like?".

Shapes: Q queries, B bank rows, F features, k rows that are told.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from job.model.kernel import cpu_kernel, torch_kernel
from job.model.kernel.pairs import Embedding, Pairs
from job.model.kernel.spans import LabelSpans
from job.model.kernel.vote import Backend, is_compiled, sums_of, vote_weights


@dataclass(frozen=True, kw_only=True)
class Neighbours:
    """The nearest bank rows of each query, nearest first; of equally near ones the lower number first.

    Parameters
    ----------
    row : int64 (Q, k)
    distance : float (Q, k), >= 0; infinite past the last row that is not masked.
    """

    row: Tensor
    distance: Tensor


@dataclass(frozen=True, kw_only=True)
class Influence:
    """The bank rows that weigh most in each query's vote, heaviest first; of equal ones the lower number first.

    Parameters
    ----------
    row : int64 (Q, k)
    weight : float (Q, k), shares of the vote; 0 past the last row that is not masked.
    num_effective : float (Q,), 1 / sum of squared weights over the whole bank; 0 where no row may vote.
    """

    row: Tensor
    weight: Tensor
    num_effective: Tensor


@torch.no_grad()
def nearest(
    queries: Tensor,
    bank: Tensor,
    scales: Tensor,
    k: int,
    *,
    embedding: Embedding | None = None,
    mask: Tensor | LabelSpans | None = None,
    backend: Backend = "auto",
    num_threads: int = 1,
) -> Neighbours:
    """The k nearest bank rows, exactly, whatever their own weights.

    Parameters
    ----------
    queries, bank, scales, embedding, mask, backend, num_threads : as for `vote.lorentzian_vote`.
    k : int

    Raises
    ------
    ValueError
        If the bank has fewer than ``k`` rows.
    """
    if not 1 <= k <= len(bank):
        raise ValueError(f"{k} nearest rows cannot be found in a bank of {len(bank)}")
    pairs = Pairs(queries=queries, bank=bank, scales=scales, embedding=embedding, mask=mask)
    if is_compiled(queries, backend):
        row, distance = cpu_kernel.nearest(pairs, k, num_threads=num_threads)
    else:
        row, distance = torch_kernel.nearest(pairs, k, sums_of(backend))
    return Neighbours(row=row, distance=distance)


@torch.no_grad()
def explain(
    queries: Tensor,
    bank: Tensor,
    k: int,
    *,
    scales: Tensor,
    temperature: Tensor,
    embedding: Embedding | None = None,
    log_weights: Tensor | None = None,
    mask: Tensor | LabelSpans | None = None,
    backend: Backend = "auto",
    num_threads: int = 1,
) -> Influence:
    """The k rows that weigh most, and how many rows a vote effectively counts.

    Parameters
    ----------
    queries, bank, scales, temperature, embedding, log_weights, mask, backend, num_threads : as for `lorentzian_vote`.
    k : int, at most B.
    """
    weights = vote_weights(
        queries, bank, scales=scales, temperature=temperature, embedding=embedding, log_weights=log_weights, mask=mask,
        backend=backend, num_threads=num_threads,
    )  # fmt: skip
    weight, row = weights.sort(dim=1, descending=True, stable=True)
    squares = weights.square().sum(dim=1)
    return Influence(row=row[:, :k], weight=weight[:, :k], num_effective=torch.where(squares == 0, 0.0, 1 / squares))
