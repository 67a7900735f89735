"""The vote and the nearest rows as somebody writes them in six lines of torch, and by other tools: the kernel's peers.

A peer that cannot run here is None, with the reason in `REASONS`.
"""

import importlib.util
import shutil
from collections.abc import Callable

import torch
from torch import Tensor

Vote = Callable[[Tensor, Tensor, Tensor, Tensor, Tensor], Tensor]
HAS_COMPILER = any(shutil.which(name) for name in ("c++", "g++", "clang++"))
HAS_KEOPS = importlib.util.find_spec("pykeops") is not None
REASONS = {
    **({} if HAS_COMPILER else {"compiled": "no_cpp_compiler"}),
    **({} if HAS_COMPILER and HAS_KEOPS else {"keops": "pykeops_not_installed" if HAS_COMPILER else "no_cpp_compiler"}),
}


def vote(queries: Tensor, bank: Tensor, up: Tensor, scales: Tensor, temperature: Tensor) -> Tensor:
    """Shares of the vote, float (Q,)."""
    distance = torch.log1p((queries[:, None] - bank[None]).abs() * scales).mean(dim=2)
    return torch.softmax(-distance / temperature, dim=1) @ up


def keops_vote(queries: Tensor, bank: Tensor, up: Tensor, scales: Tensor, temperature: Tensor) -> Tensor:
    """The same by PyKeOps, which streams over the bank too."""
    from pykeops.torch import LazyTensor

    rows, columns = (LazyTensor((part * scales)[place]) for part, place in ((queries, _ROWS), (bank, _COLUMNS)))
    score = -(1 + (rows - columns).abs()).log().sum(-1) / (queries.shape[1] * temperature)
    return score.sumsoftmaxweight(LazyTensor(up[None, :, None]), dim=1)[:, 0]


def nearest_rows(query: Tensor, bank: Tensor, count: int) -> Tensor:
    """Numbers of the nearest rows of one query, or of several, int64 (Q, k)."""
    return torch.log1p((bank - query).abs()).sum(-1).topk(count, largest=False).indices


def compiled(function: Callable[..., Tensor]) -> Callable[..., Tensor] | None:
    """The function as torch compiles it for the shapes it meets."""
    return torch.compile(function, dynamic=False) if HAS_COMPILER else None


_ROWS, _COLUMNS = (slice(None), None), (None,)
