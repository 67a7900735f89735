"""The spans of time that rows' labels look at, and which of them meet. It knows nothing of distances."""

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True, kw_only=True)
class LabelSpans:
    """From when each query and each bank row was decided to when its label ended, both inclusive.

    Parameters
    ----------
    query_start_ms, query_end_ms : int64 (Q,), UTC milliseconds.
    bank_start_ms, bank_end_ms : int64 (B,), UTC milliseconds.
    is_causal : bool
        Only what had ended before the query was decided is apart from it: what comes after it meets it too.
    """

    query_start_ms: Tensor
    query_end_ms: Tensor
    bank_start_ms: Tensor
    bank_end_ms: Tensor
    is_causal: bool = False

    @property
    def reach_ms(self) -> Tensor:
        """Until when a bank row that begins meets the query, int64 (Q,), UTC milliseconds."""
        end = self.query_end_ms
        return torch.full_like(end, torch.iinfo(torch.int64).max) if self.is_causal else end

    def meet(self) -> Tensor:
        """Whether a query's span and a bank row's have a moment in common, bool (Q, B)."""
        starts_before_end = self.query_start_ms[:, None] <= self.bank_end_ms
        return starts_before_end & (self.bank_start_ms <= self.reach_ms[:, None])
