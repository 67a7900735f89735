"""The vote and the nearest rows in plain torch, on any device, in any precision: what other backends must equal.

Shapes: Q queries, B bank rows, F features. Autograd keeps an array of Q x B x F.
"""

import torch
from torch import Tensor

# A finite score keeps a query whose every pair is masked free of 0/0, forwards and backwards.
MASKED_SCORE = -1e30


def vote(
    queries: Tensor,
    bank: Tensor,
    labels: Tensor,
    *,
    scales: Tensor,
    temperature: Tensor,
    log_weights: Tensor | None,
    mask: Tensor | None,
) -> tuple[Tensor, Tensor]:
    """Weighted mean label and logarithm of the sum of weights, float (Q,) each; arguments as `vote.lorentzian_vote`."""
    score = -distances(queries, bank, scales) / temperature
    if log_weights is not None:
        score = score + log_weights
    masked = torch.zeros_like(score, dtype=torch.bool) if mask is None else mask
    if len(bank) == 0:
        return score.sum(dim=1), score.sum(dim=1) - torch.inf
    score = score.masked_fill(masked, MASKED_SCORE)
    share = torch.softmax(score, dim=1).masked_fill(masked, 0.0) @ labels
    return share, score.logsumexp(dim=1).masked_fill(masked.all(dim=1), -torch.inf)


def nearest(queries: Tensor, bank: Tensor, scales: Tensor, num_nearest: int) -> tuple[Tensor, Tensor]:
    """Numbers of the nearest rows, int64 (Q, k), and their distances, float (Q, k); ties by number."""
    distance, row = distances(queries, bank, scales).sort(dim=1, stable=True)
    return row[:, :num_nearest], distance[:, :num_nearest]


def distances(queries: Tensor, bank: Tensor, scales: Tensor) -> Tensor:
    """Mean over features of log(1 + s_f |q_f - b_f|), float (Q, B)."""
    return torch.log1p(scales * (queries[:, None, :] - bank[None, :, :]).abs()).mean(dim=2)
