"""A learned embedding for the vote's second group of features: a linear map and a residual block.

Shapes: n rows, F features, K embedded features, H hidden units, M members.

Members share the weights, and see the features with signs of their own (TabM-mini: Gorishniy et al., 2024,
arXiv 2410.24210). Signs mean nothing to the raw distance, whose |x - b| forgets them; here they make members differ.
The first map is ModernNCA's (Ye et al., 2024, arXiv 2407.03257), and so is the block: batch norm, linear, ReLU,
dropout, linear, added to what came in.
"""

import torch
from torch import Tensor, nn

EMBEDDED, HIDDEN = 32, 64
DROPOUT = 0.2


class ResidualEncoder(nn.Module):
    """From scaled features, float (n, F), to an embedding, float (n, K).

    Parameters
    ----------
    num_features : int
    num_members : int
    generator : torch.Generator
        Draws the weights, the members' signs and what is dropped.
    """

    def __init__(self, num_features: int, *, num_members: int, generator: torch.Generator) -> None:
        super().__init__()
        self.front = _weights(num_features, EMBEDDED, gain=1.0, generator=generator)
        self.norm = nn.BatchNorm1d(EMBEDDED)
        self.inner = _weights(EMBEDDED, HIDDEN, gain=2.0, generator=generator)
        self.outer = nn.Parameter(torch.zeros(HIDDEN, EMBEDDED))  # the block starts by adding nothing
        signs = torch.randint(0, 2, (num_members, num_features), generator=generator).float() * 2 - 1
        signs[0] = 1
        self.input_scales = nn.Parameter(signs)
        self._generator = generator

    def forward(self, features: Tensor, member: int) -> Tensor:
        """The embedding of a member."""
        embedded = (features * self.input_scales[member]) @ self.front
        hidden = torch.relu(self.norm(embedded) @ self.inner)
        if self.training:
            is_kept = torch.rand(hidden.shape, generator=self._generator) >= DROPOUT
            hidden = hidden * is_kept.to(hidden.device) / (1 - DROPOUT)
        return embedded + hidden @ self.outer


def _weights(rows: int, columns: int, *, gain: float, generator: torch.Generator) -> nn.Parameter:
    return nn.Parameter(torch.randn(rows, columns, generator=generator) * (gain / rows) ** 0.5)
