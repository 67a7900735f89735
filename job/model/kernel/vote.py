"""The Lorentzian vote and its nearest rows: one interface, and which backend answers.

Shapes: Q queries, B bank rows, F features.

    D(q, b)        = mean_f log(1 + s_f |q_f - b_f|)
    log w_b        = log v_b - D / tau, or -inf for masked pairs
    share          = sum_b w_b y_b / sum_b w_b
    log_normaliser = log sum_b w_b

On the CPU in float32, compiled loops answer; anywhere else, and in float64, torch does. The interface knows nothing
of priors, of training, or of what a label means.
"""

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from job.model.kernel import cpu_kernel, torch_kernel
from job.model.kernel.spans import LabelSpans

Backend = Literal["auto", "cpu", "torch"]


@dataclass(frozen=True, kw_only=True)
class Vote:
    """What the bank says to each query.

    Parameters
    ----------
    share : float (Q,), weighted mean label; 0 where no row may vote.
    log_normaliser : float (Q,), logarithm of the sum of weights; -inf where no row may vote.
    """

    share: Tensor
    log_normaliser: Tensor

    @property
    def has_votes(self) -> Tensor:
        """Whether any row could vote, bool (Q,)."""
        return self.log_normaliser != -torch.inf


@dataclass(frozen=True, kw_only=True)
class Neighbours:
    """The nearest bank rows of each query, nearest first; of equally near ones the lower number first.

    Parameters
    ----------
    row : int64 (Q, k)
    distance : float (Q, k), the mean over features, not -ive.
    """

    row: Tensor
    distance: Tensor


def lorentzian_vote(
    queries: Tensor,
    bank: Tensor,
    labels: Tensor,
    *,
    scales: Tensor,
    temperature: Tensor,
    log_weights: Tensor | None = None,
    mask: Tensor | LabelSpans | None = None,
    backend: Backend = "auto",
    num_threads: int = 1,
) -> Vote:
    """Ask the bank, with gradients for queries, bank, scales and temperature.

    Parameters
    ----------
    queries : float (Q, F)
    bank : float (B, F)
    labels : float (B,); no gradient.
    scales : float (F,), > 0.
    temperature : float (), > 0.
    log_weights : float (B,) or None
        Logarithm of a row's own weight v, at least -1e30; no gradient.
    mask : bool (Q, B), `LabelSpans` or None
        True where a bank row may not vote, or spans, where those that meet may not.
    backend : which one answers; "auto" takes the fastest that can.
    num_threads : int, of the compiled loops; results do not depend on it.

    Notes
    -----
    Not-a-number in a query makes its answer so; in a bank row, a scale or the temperature, all answers. On the compiled
    loops that holds also for scaled differences above 2^30, whose product overflows. |.| has gradient 0 at 0.
    """
    labels = labels.detach()
    log_weights = None if log_weights is None else log_weights.detach()
    learned = {"scales": scales, "temperature": temperature}
    if _is_compiled(queries, backend):
        share, log_normaliser = cpu_kernel.vote(
            queries, bank, labels, **learned, log_weights=log_weights, mask=mask, num_threads=num_threads
        )
    else:
        pairs = mask.meet() if isinstance(mask, LabelSpans) else mask
        share, log_normaliser = torch_kernel.vote(queries, bank, labels, **learned, log_weights=log_weights, mask=pairs)
    return Vote(share=share, log_normaliser=log_normaliser)


@torch.no_grad()
def nearest(
    queries: Tensor, bank: Tensor, scales: Tensor, k: int, *, backend: Backend = "auto", num_threads: int = 1
) -> Neighbours:
    """The k nearest bank rows, exactly.

    Parameters
    ----------
    queries : float (Q, F)
    bank : float (B, F)
    scales : float (F,), > 0.
    k : int
    backend, num_threads : as for `lorentzian_vote`.

    Raises
    ------
    ValueError
        If the bank has fewer than ``k`` rows.
    """
    if not 1 <= k <= len(bank):
        raise ValueError(f"{k} nearest rows cannot be found in a bank of {len(bank)}")
    if _is_compiled(queries, backend):
        row, distance = cpu_kernel.nearest(queries, bank, scales, k, num_threads=num_threads)
    else:
        row, distance = torch_kernel.nearest(queries, bank, scales, k)
    return Neighbours(row=row, distance=distance)


def _is_compiled(queries: Tensor, backend: Backend) -> bool:
    if backend != "auto":
        return backend == "cpu"
    return queries.device.type == "cpu" and queries.dtype == torch.float32
