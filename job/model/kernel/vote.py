"""The Lorentzian vote: one interface, and which backend answers.

Shapes: Q queries, B bank rows, F features, K features of an embedding e whose share of the distance is g (0 without).

    D(q, b)        = (1 - g) mean_f log(1 + s_f |q_f - b_f|) + g mean_k log(1 + |e_k(q) - e_k(b)|)
    log w_b        = log v_b - D / tau, or -inf for masked pairs
    share          = sum_b w_b y_b / sum_b w_b
    log_normaliser = log sum_b w_b

On the CPU in float32, compiled loops answer; anywhere else, and in float64, torch does, in chunks. The interface knows
nothing of priors, of training, or of what a label means.
"""

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from job.model.kernel import cpu_kernel, torch_kernel
from job.model.kernel.pairs import Embedding, Pairs
from job.model.kernel.spans import LabelSpans

# "torch" is the formula itself with autograd's gradient, memory of Q x B x F: what the others must equal.
Backend = Literal["auto", "cpu", "chunked", "torch"]


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


def lorentzian_vote(
    queries: Tensor,
    bank: Tensor,
    labels: Tensor,
    *,
    scales: Tensor,
    temperature: Tensor,
    embedding: Embedding | None = None,
    log_weights: Tensor | None = None,
    mask: Tensor | LabelSpans | None = None,
    backend: Backend = "auto",
    num_threads: int = 1,
) -> Vote:
    """Ask the bank, with gradients for queries, bank, scales, temperature and all of the embedding.

    Parameters
    ----------
    queries : float (Q, F)
    bank : float (B, F)
    labels : float (B,), any real numbers; no gradient.
    scales : float (F,), > 0.
    temperature : float (), > 0.
    embedding : `Embedding` or None
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
    pairs = Pairs(queries=queries, bank=bank, scales=scales, embedding=embedding, mask=mask)
    if is_compiled(queries, backend):
        share, log_normaliser = cpu_kernel.vote(pairs, labels, temperature, log_weights, num_threads=num_threads)
    else:
        share, log_normaliser = torch_kernel.vote(pairs, labels, temperature, log_weights, sums_of(backend))
    return Vote(share=share, log_normaliser=log_normaliser)


@torch.no_grad()
def vote_weights(
    queries: Tensor,
    bank: Tensor,
    *,
    scales: Tensor,
    temperature: Tensor,
    embedding: Embedding | None = None,
    log_weights: Tensor | None = None,
    mask: Tensor | LabelSpans | None = None,
    backend: Backend = "auto",
    num_threads: int = 1,
) -> Tensor:
    """What each row is of a query's vote, w_b / sum w, without gradients.

    Parameters
    ----------
    queries, bank, scales, temperature, embedding, log_weights, mask, backend, num_threads : as for `lorentzian_vote`.

    Returns
    -------
    float (Q, B)
        A query's sum to 1, or to 0 where no row may vote.
    """
    pairs = Pairs(queries=queries, bank=bank, scales=scales, embedding=embedding, mask=mask)
    if is_compiled(queries, backend):
        return cpu_kernel.weights(pairs, temperature, log_weights, num_threads=num_threads)
    return torch_kernel.weights(pairs, temperature, log_weights, sums_of(backend))


def is_compiled(queries: Tensor, backend: Backend) -> bool:
    """Whether the compiled loops answer."""
    if backend != "auto":
        return backend == "cpu"
    return queries.device.type == "cpu" and queries.dtype == torch.float32


def sums_of(backend: Backend) -> torch_kernel.SumOfLogs:
    """How torch takes sums of logarithms."""
    return torch_kernel.sum_of_logs if backend == "torch" else torch_kernel.chunked_sum_of_logs
