"""Questions for the kernel, and the vote and its gradients as double precision has them."""

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from job.model.kernel import LabelSpans, Vote, lorentzian_vote
from job.model.kernel.vote import Backend

GRADIENTS = ("queries", "bank", "scales", "temperature")


@dataclass(frozen=True, kw_only=True)
class Case:
    """One call's arguments."""

    queries: Tensor
    bank: Tensor
    labels: Tensor
    scales: Tensor
    temperature: Tensor
    log_weights: Tensor | None = None
    mask: Tensor | LabelSpans | None = None

    def to(self, dtype: torch.dtype) -> "Case":
        """The same in another precision."""
        weights = None if self.log_weights is None else self.log_weights.to(dtype)
        parts = {name: getattr(self, name).to(dtype) for name in (*GRADIENTS, "labels")}
        return replace(self, log_weights=weights, **parts)


def make_case(num_queries: int, num_bank: int, num_features: int, *, seed: int = 0, temperature: float = 0.05) -> Case:
    """Normal features, scales on both sides of 1, random labels; float32."""
    generator = torch.Generator().manual_seed(seed)
    return Case(
        queries=torch.randn(num_queries, num_features, generator=generator),
        bank=torch.randn(num_bank, num_features, generator=generator),
        labels=(torch.rand(num_bank, generator=generator) < 0.4).float(),
        scales=torch.randn(num_features, generator=generator).mul(0.5).exp(),
        temperature=torch.tensor(temperature),
    )


def make_spans(num_queries: int, num_bank: int, *, seed: int = 0, bars: int = 12) -> LabelSpans:
    """Spans of ``bars`` bars from random bars of a span as long as three of the bank, in no order."""
    generator = torch.Generator().manual_seed(seed)
    starts = [
        torch.randint(0, 3 * num_bank, (count,), generator=generator) * 300_000 for count in (num_queries, num_bank)
    ]
    return LabelSpans(
        query_start_ms=starts[0],
        query_end_ms=starts[0] + bars * 300_000,
        bank_start_ms=starts[1],
        bank_end_ms=starts[1] + bars * 300_000,
    )


def ask(case: Case, backend: Backend, *, num_threads: int = 1) -> tuple[Vote, dict[str, Tensor]]:
    """The vote and the gradients of a random sum of it, over queries that have one."""
    given = {name: getattr(case, name).clone().requires_grad_() for name in GRADIENTS}
    vote = lorentzian_vote(
        given["queries"], given["bank"], case.labels, scales=given["scales"], temperature=given["temperature"],
        log_weights=case.log_weights, mask=case.mask, backend=backend, num_threads=num_threads,
    )  # fmt: skip
    generator = torch.Generator().manual_seed(7)
    pull = torch.randn(2, len(case.queries), generator=generator).to(vote.share.dtype)
    told = vote.log_normaliser.masked_fill(~vote.has_votes, 0.0)
    (vote.share @ pull[0] + told @ pull[1]).backward()
    gradients = {name: tensor.grad for name, tensor in given.items()}
    return Vote(share=vote.share.detach(), log_normaliser=vote.log_normaliser.detach()), gradients


def worst_error(found: Tensor, expected: Tensor) -> float:
    """Largest difference, in shares of the largest expected value."""
    return float((found.double() - expected).abs().max() / expected.abs().max())
