"""Questions for the kernel, and the vote and its gradients as double precision has them."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from job.model.kernel import Embedding, LabelSpans, Vote, lorentzian_vote, torch_kernel
from job.model.kernel.pairs import Pairs
from job.model.kernel.vote import Backend

GRADIENTS = ("queries", "bank", "scales", "temperature")
EMBEDDING_GRADIENTS = ("queries", "bank", "share")


@dataclass(frozen=True, kw_only=True)
class Case:
    """One call's arguments."""

    queries: Tensor
    bank: Tensor
    labels: Tensor
    scales: Tensor
    temperature: Tensor
    embedding: Embedding | None = None
    log_weights: Tensor | None = None
    mask: Tensor | LabelSpans | None = None

    def to(self, dtype: torch.dtype) -> "Case":
        """The same in another precision."""
        weights = None if self.log_weights is None else self.log_weights.to(dtype)
        parts = {name: getattr(self, name).to(dtype) for name in (*GRADIENTS, "labels")}
        return replace(self, log_weights=weights, embedding=self._embedding(lambda part: part.to(dtype)), **parts)

    def on(self, device: str) -> "Case":
        """The same on another device, without a mask."""
        parts = {name: getattr(self, name).to(device) for name in (*GRADIENTS, "labels")}
        return replace(self, embedding=self._embedding(lambda part: part.to(device)), mask=None, **parts)

    def learning(self) -> "Case":
        """The same with copies that want gradients."""
        parts = {name: getattr(self, name).clone().requires_grad_() for name in GRADIENTS}
        return replace(self, embedding=self._embedding(lambda part: part.clone().requires_grad_()), **parts)

    def learned(self) -> dict[str, Tensor]:
        """What may want gradients, by name."""
        found = {name: getattr(self, name) for name in GRADIENTS}
        if self.embedding is not None:
            found |= {f"embedded {name}": getattr(self.embedding, name) for name in EMBEDDING_GRADIENTS}
        return found

    def vote(self, backend: Backend = "auto", *, num_threads: int = 1) -> Vote:
        """The answer."""
        return lorentzian_vote(
            self.queries, self.bank, self.labels, scales=self.scales, temperature=self.temperature,
            embedding=self.embedding, log_weights=self.log_weights, mask=self.mask, backend=backend,
            num_threads=num_threads,
        )  # fmt: skip

    def _embedding(self, change: Callable[[Tensor], Tensor]) -> Embedding | None:
        if self.embedding is None:
            return None
        return Embedding(**{name: change(getattr(self.embedding, name)) for name in EMBEDDING_GRADIENTS})


def make_case(
    num_queries: int,
    num_bank: int,
    num_features: int,
    *,
    num_embedded: int = 0,
    seed: int = 0,
    temperature: float = 0.05,
) -> Case:
    """Normal features, scales on both sides of 1, random labels; float32."""
    generator = torch.Generator().manual_seed(seed)
    case = Case(
        queries=torch.randn(num_queries, num_features, generator=generator),
        bank=torch.randn(num_bank, num_features, generator=generator),
        labels=(torch.rand(num_bank, generator=generator) < 0.4).float(),
        scales=torch.randn(num_features, generator=generator).mul(0.5).exp(),
        temperature=torch.tensor(temperature),
    )
    if num_embedded == 0:
        return case
    queries, bank = (torch.randn(n, num_embedded, generator=generator) for n in (num_queries, num_bank))
    return replace(case, embedding=Embedding(queries=queries, bank=bank, share=torch.tensor(0.3)))


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
    learning = case.learning()
    vote = learning.vote(backend, num_threads=num_threads)
    generator = torch.Generator().manual_seed(7)
    pull = torch.randn(2, len(case.queries), generator=generator).to(vote.share)
    told = vote.log_normaliser.masked_fill(~vote.has_votes, 0.0)
    (vote.share @ pull[0] + told @ pull[1]).backward()
    gradients = {name: tensor.grad for name, tensor in learning.learned().items()}
    return Vote(share=vote.share.detach(), log_normaliser=vote.log_normaliser.detach()), gradients


def distances_of(case: Case) -> Tensor:
    """Distances of all pairs in double precision, float64 (Q, B), masked or not."""
    case = case.to(torch.float64)
    pairs = Pairs(queries=case.queries, bank=case.bank, scales=case.scales, embedding=case.embedding)
    return torch_kernel.distances(pairs, torch_kernel.sum_of_logs)


def worst_error(found: Tensor, expected: Tensor) -> float:
    """Largest difference, in shares of the largest expected value; where that is 0, nothing else will do."""
    return float((found.double() - expected).abs().max() / expected.abs().max().clamp(min=1e-30))
