"""The Lorentzian distance, with its gradient for the feature scales. Plain torch.

Shapes: Q queries, B bank rows, F features, G features of a group.

D(q, b) = mean_f log(1 + s_f |q_f - b_f|) is computed as the logarithm of products: a subtraction, an addition and a
multiplication for each feature, and one logarithm for each group of `GROUP` features. Groups are a loop, so that no
array of queries x bank x features is kept by the graph; the backward pass computes the differences again. Autograd's
own graph of the formula is several times slower and needs F times the memory.
"""

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import pad

# Scaled features lie within (-3, 3) and scales stay below 1e3 (`lorentzian.MAX_LOG_SCALE`), so a factor is below
# 6,001 and eight of them stay far below the largest float32, 3.4e38. A power of two: products are taken by halving.
GROUP = 8
# Pairs whose factors are in work at once: a group of them takes half a megabyte, which stays in a core's own cache.
TILE_PAIRS = 1 << 14


class _SumOfLogs(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, queries: Tensor, bank: Tensor, scales: Tensor) -> Tensor:
        ctx.save_for_backward(queries, bank, scales)
        total = torch.zeros(len(queries), len(bank), dtype=queries.dtype, device=queries.device)
        for rows, _, factor in _tiles(queries * scales, bank * scales):
            product = factor
            while len(product) > 1:
                half = len(product) // 2
                product = product[:half].mul_(product[half:])
            total[rows].add_(product[0].log_())
        return total

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[None, None, Tensor]:
        queries, bank, scales = ctx.saved_tensors
        weight = gradients[0].contiguous()
        # d/ds log(1 + s|d|) = |d| / (1 + s|d|) = (1 - 1 / (1 + s|d|)) / s
        share = torch.zeros(len(scales) + GROUP, dtype=scales.dtype, device=scales.device)
        for rows, columns, factor in _tiles(queries * scales, bank * scales):
            share[columns] += torch.div(weight[rows], factor, out=factor).sum(dim=(1, 2))
        return None, None, (weight.sum() - share[: len(scales)]) / scales


def lorentzian_distance(queries: Tensor, bank: Tensor, scales: Tensor) -> Tensor:
    """Mean over features of log(1 + s_f |q_f - b_f|).

    Parameters
    ----------
    queries : float (Q, F)
    bank : float (B, F)
    scales : float (F,), > 0; the only argument that gets a gradient.

    Returns
    -------
    float (Q, B), >= 0.
    """
    total: Tensor = _SumOfLogs.apply(queries, bank, scales)  # type: ignore[no-untyped-call]
    return total / queries.shape[1]


def _tiles(queries: Tensor, bank: Tensor) -> Iterator[tuple[slice, slice, Tensor]]:
    """1 + |q - b| of scaled rows, float (G, q, B), a tile of queries and a group of features at a time.

    Yields the tile's query rows, its feature columns (past the last feature, factors are 1), and the factors.
    """
    missing = -queries.shape[1] % GROUP
    query_columns = pad(queries, (0, missing)).t().contiguous()
    bank_columns = pad(bank, (0, missing)).t().contiguous()
    num_rows = max(1, TILE_PAIRS // max(1, len(bank)))
    buffer = torch.empty(GROUP, num_rows, len(bank), dtype=queries.dtype, device=queries.device)
    for first in range(0, len(queries), num_rows):
        rows = slice(first, min(first + num_rows, len(queries)))
        out = buffer[:, : rows.stop - rows.start]
        for column in range(0, len(query_columns), GROUP):
            columns = slice(column, column + GROUP)
            q, b = query_columns[columns, rows], bank_columns[columns]
            yield rows, columns, torch.sub(q[:, :, None], b[:, None, :], out=out).abs_().add_(1)
