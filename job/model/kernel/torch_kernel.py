"""The vote and the nearest rows in plain torch, on any device, in any precision.

Shapes: Q queries, B bank rows, F features of a group. Whoever asks says how sums of logarithms are taken:
`sum_of_logs` is the formula itself, with autograd's own gradient, which every other backend must equal; it keeps arrays
of Q x B x F. `chunked_sum_of_logs` holds `CHUNK` numbers at once, or one feature, and has them again for gradients.
"""

from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor

from job.model.kernel.pairs import Pairs

# A finite score keeps a query whose every pair is masked free of 0/0, forwards and backwards.
MASKED_SCORE = -1e30
CHUNK = 1 << 24  # numbers of queries x bank x features in work at once: 64 MiB in float32
SumOfLogs = Callable[[Tensor, Tensor], Tensor]


def vote(
    pairs: Pairs, labels: Tensor, temperature: Tensor, log_weights: Tensor | None, sums: SumOfLogs
) -> tuple[Tensor, Tensor]:
    """Weighted mean label and logarithm of the sum of weights, float (Q,) each; arguments as `vote.lorentzian_vote`."""
    score, masked = _scores(pairs, temperature, log_weights, sums)
    if score.shape[1] == 0:
        return score.sum(dim=1), score.sum(dim=1) - torch.inf
    share = torch.softmax(score, dim=1).masked_fill(masked, 0.0) @ labels
    return share, score.logsumexp(dim=1).masked_fill(masked.all(dim=1), -torch.inf)


def weights(pairs: Pairs, temperature: Tensor, log_weights: Tensor | None, sums: SumOfLogs) -> Tensor:
    """What each row is of a query's vote, float (Q, B): sums of 1, or of 0 where no row may vote."""
    score, masked = _scores(pairs, temperature, log_weights, sums)
    return torch.softmax(score, dim=1).masked_fill(masked, 0.0)


def nearest(pairs: Pairs, num_nearest: int, sums: SumOfLogs) -> tuple[Tensor, Tensor]:
    """Numbers of the nearest rows, int64 (Q, k), and their distances, float (Q, k); ties by number."""
    distance, masked = distances(pairs, sums), pairs.masked()
    if masked is not None:
        distance = distance.masked_fill(masked, torch.inf)
    distance, row = distance.sort(dim=1, stable=True)
    return row[:, :num_nearest], distance[:, :num_nearest]


def distances(pairs: Pairs, sums: SumOfLogs) -> Tensor:
    """Mean over features of log(1 + s_f |q_f - b_f|), or the two groups' mean of such means, float (Q, B)."""
    shares, embedding = pairs.shares, pairs.embedding
    distance = shares[0] * sums(pairs.queries * pairs.scales, pairs.bank * pairs.scales)
    return distance if embedding is None else distance + shares[1] * sums(embedding.queries, embedding.bank)


def sum_of_logs(queries: Tensor, bank: Tensor) -> Tensor:
    """Sum over features of log(1 + |q_f - b_f|), float (Q, B)."""
    return torch.log1p((queries[:, None, :] - bank[None, :, :]).abs()).sum(dim=2)


def chunked_sum_of_logs(queries: Tensor, bank: Tensor) -> Tensor:
    """The same, a few features at a time."""
    total: Tensor = _ChunkedSumOfLogs.apply(queries, bank)  # type: ignore[no-untyped-call]
    return total


class _ChunkedSumOfLogs(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, queries: Tensor, bank: Tensor) -> Tensor:
        ctx.save_for_backward(queries, bank)
        total = torch.zeros(len(queries), len(bank), dtype=queries.dtype, device=queries.device)
        for _, difference in _differences(queries, bank):
            total += difference.abs_().log1p_().sum(dim=2)
        return total

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, Tensor]:
        queries, bank = ctx.saved_tensors
        query_gradient, bank_gradient = torch.empty_like(queries), torch.empty_like(bank)
        for features, difference in _differences(queries, bank):
            sign = difference.sign()
            pull = sign.mul_(gradient[:, :, None]).div_(difference.abs_().add_(1))
            query_gradient[:, features] = pull.sum(dim=1)
            bank_gradient[:, features] = -pull.sum(dim=0)
        return query_gradient, bank_gradient


def _differences(queries: Tensor, bank: Tensor) -> Iterator[tuple[slice, Tensor]]:
    """Slices of features, and q - b of them, float (Q, B, f)."""
    size = max(1, CHUNK // max(1, len(queries) * len(bank)))
    for first in range(0, queries.shape[1], size):
        features = slice(first, first + size)
        yield features, queries[:, None, features] - bank[None, :, features]


def _scores(pairs: Pairs, temperature: Tensor, log_weights: Tensor | None, sums: SumOfLogs) -> tuple[Tensor, Tensor]:
    """Scores log v_b - D / tau, float (Q, B), and which of them are masked."""
    score, masked = -distances(pairs, sums) / temperature, pairs.masked()
    if log_weights is not None:
        score = score + log_weights
    if masked is None:
        masked = torch.zeros_like(score, dtype=torch.bool)
    return score.masked_fill(masked, MASKED_SCORE), masked
