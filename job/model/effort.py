"""How much a fit of the vote may cost: one vote on samples of the rows, or three on most of them."""

from dataclasses import dataclass

import torch

from job.settings.procedure import ModelSettings


@dataclass(frozen=True, kw_only=True)
class Effort:
    """How much a fit may cost.

    Parameters
    ----------
    queries : asked in an epoch, at most.
    bank_share, bank_rows : the part of the rows that answers each batch, and how many at most.
    num_members : votes whose probabilities are averaged.
    """

    queries: int
    bank_share: float
    bank_rows: int
    num_members: int

    @classmethod
    def of(cls, settings: ModelSettings, device: torch.device) -> "Effort":
        """What was asked for; where nothing was, full on a GPU alone."""
        name = settings.effort
        if name == "auto":
            name = "quick" if device.type == "cpu" else "full"
        return QUICK if name == "quick" else FULL

    def candidates(self, num_rows: int) -> int:
        """How many of so many rows answer a batch."""
        return min(self.bank_rows, max(1, int(self.bank_share * num_rows)))


QUICK = Effort(queries=1024, bank_share=1.0, bank_rows=1024, num_members=1)
FULL = Effort(queries=1 << 30, bank_share=0.5, bank_rows=1 << 30, num_members=3)
