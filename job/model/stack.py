"""Votes of one shape side by side: all their numbers in one matrix, and their logits at once.

Shapes: P networks, D numbers of each, M members, Q queries, B bank rows, R = Q + B, F features, K embedded features.

What a small network costs a step is mostly the calls it takes. Here the embeddings of all are one product of matrices,
and the prior's say, norms and steps are done for all of them in one call; only the votes are asked one by one. Each has
the numbers that it would have alone, but for rounding: `LorentzianNCA` and `ResidualEncoder` are the formulas.
"""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import batch_norm

from job.model.bank import Question, ValidationSample
from job.model.kernel import Embedding, lorentzian_vote
from job.model.lorentzian import ENCODER, LorentzianNCA, moved_logit, scales_of, temperature_of
from job.model.sending import sent

Parts = dict[str, Tensor]


class StackedVotes:
    """Networks of one shape, from the same rows, that learn apart from each other.

    Parameters
    ----------
    networks : with the same line.
    dropout : float (P,), share of hidden units that each leaves out in a step.
    generator : draws what is dropped, for all of them together.

    Attributes
    ----------
    numbers : float (P, D), all that is learned.
    """

    def __init__(self, networks: Sequence[LorentzianNCA], *, dropout: Tensor, generator: torch.Generator) -> None:
        self._like = networks[0]
        self._shapes = {name: value.shape for name, value in self._like.named_parameters()}
        rows = [torch.cat([value.detach().flatten() for value in network.parameters()]) for network in networks]
        self.numbers = torch.stack(rows).requires_grad_()
        blocks = range(0 if self._like.encoder is None else len(self._like.encoder.blocks))
        states = [network.state_dict() for network in networks]
        self._running = {
            name: torch.cat([state[name] for state in states])
            for block in blocks
            for name in (f"{_block(block)}norm.running_mean", f"{_block(block)}norm.running_var")
        }
        self._blocks = blocks
        self._dropout, self._generator = dropout[:, None, None], generator

    def __len__(self) -> int:
        return len(self.numbers)

    def parts(self) -> Parts:
        """Every parameter by name, each with the networks as its first dimension."""
        pieces = torch.split(self.numbers, [shape.numel() for shape in self._shapes.values()], dim=1)
        return {
            name: piece.reshape(len(self), *shape)
            for (name, shape), piece in zip(self._shapes.items(), pieces, strict=True)
        }

    def laid_out(self, groups: Sequence[dict[str, Any]], entry: str) -> Tensor:
        """An entry of each parameter's group, where its numbers stand, float (D,); groups of the first network."""
        of = {id(parameter): float(group[entry]) for group in groups for parameter in group["params"]}
        parts = [torch.full((value.numel(),), of[id(value)]) for value in self._like.parameters()]
        return torch.cat(parts).to(self.numbers.device)

    def training_logits(self, asked: Question, member: int) -> Tensor:
        """A member's logits of p(up) in a step of training, float (P, Q)."""
        return self._logits(self.parts(), asked, member)

    @torch.no_grad()
    def probability(self, sample: ValidationSample) -> Tensor:
        """Mean of the members' probabilities of up, each corrected for weights of the classes, float (P, Q)."""
        parts = self.parts()
        logits = [self._logits(parts, sample, member) for member in range(self._like.num_members)]
        return torch.sigmoid(torch.stack(logits) + self._like.correction).mean(dim=0)

    def _logits(self, parts: Parts, asked: Question | ValidationSample, member: int) -> Tensor:
        scales = scales_of(parts["log_scales"][:, member]).unbind()
        temperatures = temperature_of(parts["log_temperature"][:, member]).unbind()
        votes = [
            lorentzian_vote(
                asked.queries,
                asked.bank,
                asked.bank_up,
                scales=scale,
                temperature=temperature,
                embedding=embedding,
                log_weights=asked.log_weights,
                mask=asked.mask if isinstance(asked, Question) else None,
            )
            for scale, temperature, embedding in zip(
                scales, temperatures, self._embeddings(parts, asked, member), strict=True
            )
        ]
        prior = self._like.prior
        voted = torch.where(votes[0].has_votes, torch.stack([vote.share for vote in votes]), prior)
        return self._like.line(asked.queries) + moved_logit(voted, parts["prior_logit_share"][:, member, None], prior)

    def _embeddings(self, parts: Parts, asked: Question | ValidationSample, member: int) -> Sequence[Embedding | None]:
        if self._like.encoder is None:
            return [None] * len(self)
        rows, is_learning = torch.cat([asked.queries, asked.bank]), isinstance(asked, Question)
        embedded = self._embedded(parts, rows, member, is_learning=is_learning)
        of_queries, of_bank = torch.split(embedded, [len(asked.queries), len(asked.bank)], dim=1)
        gates = torch.sigmoid(parts["gate_logit"][:, member]).unbind()
        return [
            Embedding(queries=query, bank=row, share=gate)
            for query, row, gate in zip(of_queries.unbind(), of_bank.unbind(), gates, strict=True)
        ]

    def _embedded(self, parts: Parts, rows: Tensor, member: int, *, is_learning: bool) -> Tensor:
        """Embeddings of rows, float (P, R, K)."""
        front = parts[f"{ENCODER}input_scales"][:, member, :, None] * parts[f"{ENCODER}front"]
        num_networks, num_features, width = front.shape
        # As (R, P K): one product for all networks, and a channel each for batch norm.
        embedded = rows @ front.transpose(0, 1).reshape(num_features, num_networks * width)
        for block in self._blocks:
            embedded = embedded + self._added(parts, embedded, block, is_learning=is_learning)
        return embedded.view(len(rows), num_networks, width).transpose(0, 1)

    def _added(self, parts: Parts, embedded: Tensor, block: int, *, is_learning: bool) -> Tensor:
        """What a block adds, float (R, P K)."""
        name, num_rows = _block(block), len(embedded)
        normed = batch_norm(
            embedded,
            self._running[f"{name}norm.running_mean"],
            self._running[f"{name}norm.running_var"],
            parts[f"{name}norm.weight"].flatten(),
            parts[f"{name}norm.bias"].flatten(),
            training=is_learning,
        )
        hidden = torch.relu(normed.view(num_rows, len(self), -1).transpose(0, 1) @ parts[f"{name}inner"])
        if is_learning:
            drawn = sent(torch.rand(hidden.shape[1:], generator=self._generator), hidden.device)
            hidden = hidden * ((drawn >= self._dropout) / (1 - self._dropout))
        return (hidden @ parts[f"{name}outer"]).transpose(0, 1).reshape(num_rows, -1)


def _block(number: int) -> str:
    """What the names of a block's numbers begin with."""
    return f"{ENCODER}blocks.{number}."
