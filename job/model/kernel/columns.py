"""Scaled features as the compiled loops take them: all groups one after the other, the bank features-major.

Shapes: Q queries, B bank rows, F features of all groups, G groups.
"""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import pad

from job.arrays import BoolArray, IntArray
from job.model.kernel.pairs import Pairs

# Powers of two that a float32 product may gather before it hands them over: 127, less the mantissa's and rounding's.
EXPONENT_ROOM = 120.0


@dataclass(frozen=True, kw_only=True)
class Columns:
    """Scaled features; a group of an odd number has one more that is 0 everywhere.

    Parameters
    ----------
    queries : float32 (Q, F)
    bank : float32 (F, B)
    ends : int64 (G,), where each group's features end.
    is_split : bool (F,), after which features a product that began after the last split could overflow.
    """

    queries: Tensor
    bank: Tensor
    ends: IntArray
    is_split: BoolArray

    @classmethod
    def of(cls, pairs: Pairs) -> "Columns":
        """Scale and lay out."""
        groups = [(pairs.queries * pairs.scales, _rows_of(pairs.bank, pairs.scales))]
        if pairs.embedding is not None:
            groups.append((pairs.embedding.queries, _rows_of(pairs.embedding.bank, None)))
        queries = [pad(part, (0, part.shape[1] % 2)) for part, _ in groups]
        bank = [part for _, part in groups]
        return cls(
            queries=torch.cat(queries, dim=1).contiguous(),
            bank=bank[0] if len(bank) == 1 else torch.cat(bank),
            ends=np.cumsum([len(part) for part in bank], dtype=np.int64),
            is_split=np.concatenate([_splits(q, b) for q, b in zip(queries, bank, strict=True)]),
        )


def _rows_of(bank: Tensor, scales: Tensor | None) -> Tensor:
    """A group's features as rows, scaled where it has scales, in one pass: a bank is millions of numbers a query."""
    num_features = bank.shape[1]
    rows = bank.new_empty(num_features + num_features % 2, len(bank))
    if scales is None:
        rows[:num_features] = bank.t()
    else:
        torch.mul(bank.t(), scales[:, None], out=rows[:num_features])
    rows[num_features:] = 0
    return rows


def _splits(queries: Tensor, bank: Tensor) -> BoolArray:
    """After which features of a group a product hands over its power of two, bool (F,)."""
    is_split = np.zeros(len(bank), np.bool_)
    if not (len(queries) and bank.shape[1]):
        return is_split
    largest = 1 + _largest(queries, dim=0) + _largest(bank, dim=1)
    room = np.add.reduceat(largest.log2().numpy(), np.arange(0, len(bank), 4))
    gathered = 0.0
    for block, needed in enumerate(room):
        if block and not gathered + needed <= EXPONENT_ROOM:
            is_split[4 * block - 1] = True
            gathered = 0.0
        gathered += needed
    return is_split


def _largest(values: Tensor, *, dim: int) -> Tensor:
    """The largest absolute value along a dimension, float64."""
    return torch.maximum(values.amax(dim=dim), -values.amin(dim=dim)).double()
