"""Scaled features as the compiled loops take them: all groups one after the other, the bank features-major.

Laying out a bank is a pass over millions of numbers, which costs more than one query's answer. Who asks the same bank
again and again says so, and it is laid out once.

Shapes: Q queries, B bank rows, F features of all groups, G groups.
"""

from collections.abc import MutableMapping
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import pad
from torch.utils.weak import WeakTensorKeyDictionary

from job.arrays import BoolArray, FloatArray, IntArray
from job.model.kernel.pairs import Pairs

# Powers of two that a float32 product may gather before it hands them over: 127, less the mantissa's and rounding's.
EXPONENT_ROOM = 120.0

# Banks that do not change, and each as it was laid out, by the bytes of its scales; they go with their bank.
_laid_out_once: MutableMapping[Tensor, dict[bytes, "LaidOutBank"]] = WeakTensorKeyDictionary()


@dataclass(frozen=True, kw_only=True)
class LaidOutBank:
    """A group's bank: features as rows, float32 (F, B), and the largest absolute value of each, float64 (F,)."""

    rows: Tensor
    largest: FloatArray

    @classmethod
    def of(cls, bank: Tensor, scales: Tensor | None) -> "LaidOutBank":
        """Scale and lay out in one pass, or take what was laid out before."""
        layouts = _laid_out_once.get(bank)
        if layouts is None:
            return cls._made(bank, scales)
        key = b"" if scales is None else scales.detach().numpy().tobytes()
        if key not in layouts:
            layouts[key] = cls._made(bank, scales)
        return layouts[key]

    @classmethod
    def _made(cls, bank: Tensor, scales: Tensor | None) -> "LaidOutBank":
        num_features = bank.shape[1]
        rows = bank.new_empty(num_features + num_features % 2, len(bank))
        if scales is None:
            rows[:num_features] = bank.t()
        else:
            torch.mul(bank.t(), scales[:, None], out=rows[:num_features])
        rows[num_features:] = 0
        return cls(rows=rows, largest=_largest(rows, dim=1) if len(bank) else np.zeros(len(rows)))


def lay_out_once(bank: Tensor) -> Tensor:
    """Return a bank, (B, F), that nobody changes any more, to be laid out once for all that it is asked.

    For each choice of scales that takes as much memory again, as long as the bank lives.
    """
    _laid_out_once.setdefault(bank, {})
    return bank


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
        groups = [(pairs.queries * pairs.scales, LaidOutBank.of(pairs.bank, pairs.scales))]
        if pairs.embedding is not None:
            groups.append((pairs.embedding.queries, LaidOutBank.of(pairs.embedding.bank, None)))
        queries = [pad(part, (0, part.shape[1] % 2)) for part, _ in groups]
        banks = [part for _, part in groups]
        return cls(
            queries=torch.cat(queries, dim=1).contiguous(),
            bank=banks[0].rows if len(banks) == 1 else torch.cat([bank.rows for bank in banks]),
            ends=np.cumsum([len(bank.rows) for bank in banks], dtype=np.int64),
            is_split=np.concatenate([_splits(q, bank) for q, bank in zip(queries, banks, strict=True)]),
        )


def _splits(queries: Tensor, bank: LaidOutBank) -> BoolArray:
    """After which features of a group a product hands over its power of two, bool (F,)."""
    is_split = np.zeros(len(bank.rows), np.bool_)
    if not (len(queries) and bank.rows.shape[1]):
        return is_split
    largest = 1 + _largest(queries, dim=0) + bank.largest
    room = np.add.reduceat(np.log2(largest), np.arange(0, len(is_split), 4))
    gathered = 0.0
    for block, needed in enumerate(room):
        if block and not gathered + needed <= EXPONENT_ROOM:
            is_split[4 * block - 1] = True
            gathered = 0.0
        gathered += needed
    return is_split


def _largest(values: Tensor, *, dim: int) -> FloatArray:
    """The largest absolute value along a dimension, float64."""
    largest: FloatArray = torch.maximum(values.amax(dim=dim), -values.amin(dim=dim)).double().numpy()
    return largest
