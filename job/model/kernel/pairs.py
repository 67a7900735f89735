"""What the kernel compares: queries and bank rows, what their distance is made of, and which pairs may not vote.

Shapes: Q queries, B bank rows, F features, K features of an embedding, G groups of features: 1, or 2 with an embedding.
It knows nothing of how distances are computed.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from job.model.kernel.spans import LabelSpans


@dataclass(frozen=True, kw_only=True)
class Embedding:
    """A second group of features, learned and unscaled, and how much of the distance it is.

    Parameters
    ----------
    queries : float (Q, K)
    bank : float (B, K)
    share : float (), the gate g from 0 to 1.
    """

    queries: Tensor
    bank: Tensor
    share: Tensor


@dataclass(frozen=True, kw_only=True)
class Pairs:
    """Every query and every bank row.

    Parameters
    ----------
    queries : float (Q, F)
    bank : float (B, F)
    scales : float (F,), > 0.
    embedding : `Embedding` or None
    mask : bool (Q, B), `LabelSpans` or None
        True where a bank row may not vote, or spans that say so.
    """

    queries: Tensor
    bank: Tensor
    scales: Tensor
    embedding: Embedding | None = None
    mask: Tensor | LabelSpans | None = None

    @property
    def shares(self) -> Tensor:
        """What a group's sum of logarithms counts in the distance, float (G,): (1 - g) / F and g / K, or 1 / F."""
        num_features = self.queries.shape[1]
        if self.embedding is None:
            return torch.full((1,), 1 / num_features, dtype=self.scales.dtype, device=self.scales.device)
        share = self.embedding.share
        return torch.stack([(1 - share) / num_features, share / self.embedding.queries.shape[1]])

    def masked(self) -> Tensor | None:
        """True where a bank row may not vote, bool (Q, B); None where all may."""
        return self.mask.meet() if isinstance(self.mask, LabelSpans) else self.mask
