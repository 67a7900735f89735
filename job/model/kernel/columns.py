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
        groups = [(pairs.queries * pairs.scales, pairs.bank * pairs.scales)]
        if pairs.embedding is not None:
            groups.append((pairs.embedding.queries, pairs.embedding.bank))
        queries = [pad(part, (0, part.shape[1] % 2)) for part, _ in groups]
        bank = [pad(part.t(), (0, 0, 0, part.shape[1] % 2)) for _, part in groups]
        return cls(
            queries=torch.cat(queries, dim=1).contiguous(),
            bank=torch.cat(bank).contiguous(),
            ends=np.cumsum([len(part) for part in bank], dtype=np.int64),
            is_split=np.concatenate([_splits(q, b) for q, b in zip(queries, bank, strict=True)]),
        )


def _splits(queries: Tensor, bank: Tensor) -> BoolArray:
    """After which features of a group a product hands over its power of two, bool (F,)."""
    is_split = np.zeros(len(bank), np.bool_)
    if not (len(queries) and bank.shape[1]):
        return is_split
    largest = 1 + queries.abs().amax(dim=0).double() + bank.abs().amax(dim=1).double()
    room = np.add.reduceat(largest.log2().numpy(), np.arange(0, len(bank), 4))
    gathered = 0.0
    for block, needed in enumerate(room):
        if block and not gathered + needed <= EXPONENT_ROOM:
            is_split[4 * block - 1] = True
            gathered = 0.0
        gathered += needed
    return is_split
