"""A learned embedding for the vote's second group of features: a linear map and residual blocks.

Shapes: n rows, F features, K embedded features, H hidden units, M members.

Members share the weights, and see the features with signs of their own (TabM-mini: Gorishniy et al., 2024,
arXiv 2410.24210). Signs mean nothing to the raw distance, whose |x - b| forgets them; here they make members differ.
The first map is ModernNCA's (Ye et al., 2024, arXiv 2407.03257), and so are the blocks: batch norm, linear, ReLU,
dropout, linear, added to what came in.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from job.model.sending import sent


@dataclass(frozen=True, kw_only=True)
class EncoderShape:
    """How large an encoder is, and the share of hidden units that a step of training leaves out."""

    embedded: int = 32
    hidden: int = 64
    num_blocks: int = 1
    dropout: float = 0.2


class ResidualEncoder(nn.Module):
    """From scaled features, float (n, F), to an embedding, float (n, K).

    Parameters
    ----------
    num_features : int
    num_members : int
    generator : torch.Generator
        Draws the weights, the members' signs and what is dropped.
    shape : EncoderShape
    """

    def __init__(
        self, num_features: int, *, num_members: int, generator: torch.Generator, shape: EncoderShape | None = None
    ) -> None:
        super().__init__()
        shape = shape or EncoderShape()
        self.front = _weights(num_features, shape.embedded, gain=1.0, generator=generator)
        self.blocks = nn.ModuleList(_Block(shape, generator) for _ in range(shape.num_blocks))
        signs = torch.randint(0, 2, (num_members, num_features), generator=generator).float() * 2 - 1
        signs[0] = 1
        self.input_scales = nn.Parameter(signs)

    @classmethod
    def like(cls, state: Mapping[str, Tensor]) -> "ResidualEncoder":
        """An encoder of the shape that a stored state has; its weights are still to be loaded."""
        num_members, num_features = state["input_scales"].shape
        inner = [value for name, value in state.items() if name.endswith(".inner")]
        hidden = inner[0].shape[1] if inner else 1
        shape = EncoderShape(embedded=state["front"].shape[1], hidden=hidden, num_blocks=len(inner))
        return cls(num_features, num_members=num_members, generator=torch.Generator(), shape=shape)

    def forward(self, features: Tensor, member: int) -> Tensor:
        """The embedding of a member."""
        embedded = (features * self.input_scales[member]) @ self.front
        for block in self.blocks:
            embedded = embedded + block(embedded)
        return embedded


class _Block(nn.Module):
    """What is added to an embedding, float (n, K)."""

    def __init__(self, shape: EncoderShape, generator: torch.Generator) -> None:
        super().__init__()
        self.norm = nn.BatchNorm1d(shape.embedded)
        self.inner = _weights(shape.embedded, shape.hidden, gain=2.0, generator=generator)
        self.outer = nn.Parameter(torch.zeros(shape.hidden, shape.embedded))  # it starts by adding nothing
        self._dropout = shape.dropout
        self._generator = generator

    def forward(self, embedded: Tensor) -> Tensor:
        hidden = torch.relu(self.norm(embedded) @ self.inner)
        if self.training:
            is_kept = sent(torch.rand(hidden.shape, generator=self._generator), hidden.device) >= self._dropout
            hidden = hidden * is_kept / (1 - self._dropout)
        return hidden @ self.outer


def _weights(rows: int, columns: int, *, gain: float, generator: torch.Generator) -> nn.Parameter:
    return nn.Parameter(torch.randn(rows, columns, generator=generator) * (gain / rows) ** 0.5)
