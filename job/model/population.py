"""Candidates of one shape, trained together: each as `LorentzianLearner` trains it alone, and in less time.

Of one seed, fits of one shape draw the same random numbers: the same rows ask the same samples, and the same units are
candidates for being left out. So a step has one question for all of them. What they differ in, learning rate, dropout
and neighbours at the start, is theirs. Shapes: P candidates, D numbers of each.
"""

from collections.abc import Hashable, Sequence

import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits

from job import interruption
from job.arrays import FloatArray
from job.model.adamw import AdamW
from job.model.bank import TrainingBank, ValidationSample
from job.model.epochs import PATIENCE_EPOCHS, best_epoch, rate_after, set_rate
from job.model.fit import GRADIENT_NORM, UntrainedVote, drawn_batches, parameter_groups
from job.model.stack import StackedVotes
from job.settings.procedure import ModelSettings

# All that fits which train together may differ in, with some value for each.
OWN = {"lr": 0.001, "dropout": 0.0, "neighbours": 50.0}
LEAST_LOG_LIKELIHOOD = -100.0  # as of torch's own binary cross entropy


def shape_of(settings: ModelSettings) -> Hashable:
    """Equal for settings whose fits may train together."""
    return tuple(settings.model_copy(update=OWN))


def train_population(
    votes: Sequence[UntrainedVote], bank: TrainingBank, settings: Sequence[ModelSettings]
) -> list[list[float]]:
    """Validation losses of each candidate: untrained, and after each epoch until early stopping ends its training.

    Parameters
    ----------
    votes : one of each candidate, with what early stopping looks at: the same rows for all.
    bank : of the rows that they are trained on.
    settings : of each candidate, all of one shape.
    """
    sample = votes[0].sample
    assert sample is not None
    losses = [[sample.loss(vote.network)] for vote in votes]
    population = Population(votes, bank, settings)
    training: list[FloatArray] = []
    while len(training) < settings[0].epochs and not all(map(_has_ended, losses)):
        interruption.check()
        training.append(population.train_epoch(training))
        for known, loss in zip(losses, population.losses(sample), strict=True):
            if not _has_ended(known):
                known.append(loss)
    return losses


class Population:
    """Untrained votes, and an optimizer for all of them; arguments as of `train_population`."""

    def __init__(self, votes: Sequence[UntrainedVote], bank: TrainingBank, settings: Sequence[ModelSettings]) -> None:
        self._first, self._bank, self._settings = votes[0], bank, settings
        networks = [vote.network for vote in votes]
        for network in networks:
            network.let_vote()
        dropout = torch.tensor([each.dropout for each in settings], device=bank.up.device)
        self.votes = StackedVotes(networks, dropout=dropout, generator=self._first.generator)
        groups = parameter_groups(networks[0], 1.0)
        speed, decay = (self.votes.laid_out(groups, entry) for entry in ("speed", "weight_decay"))
        self._optimizer = AdamW([{"params": [self.votes.numbers], "speed": speed, "weight_decay": decay}])

    def train_epoch(self, before: Sequence[FloatArray] = ()) -> FloatArray:
        """Train once, after epochs with these mean losses, float64 (P,) each; the mean losses of this one."""
        rates = [
            rate_after([float(losses[number]) for losses in before], settings)
            for number, settings in enumerate(self._settings)
        ]
        set_rate(self._optimizer, torch.tensor(rates, device=self._bank.up.device)[:, None])
        batches = drawn_batches(self._bank, self._first, self._settings[0].batch_size)
        mean: FloatArray = torch.stack([self._step(queries) for queries in batches]).mean(dim=0).double().cpu().numpy()
        return mean

    def losses(self, sample: ValidationSample) -> list[float]:
        """Mean log-loss of each candidate on what early stopping looks at."""
        probability = self.votes.probability(sample)
        likelihood = torch.where(sample.up == 1, probability, 1 - probability)
        losses: list[float] = (-likelihood.log().clamp_min(LEAST_LOG_LIKELIHOOD).mean(dim=1)).tolist()
        return losses

    def _step(self, queries: tuple[Tensor, ...]) -> Tensor:
        """One step of all candidates; their losses, float (P,)."""
        losses = torch.stack([self._losses(member, own) for member, own in enumerate(queries)]).mean(dim=0)
        numbers = self.votes.numbers
        (gradient,) = torch.autograd.grad(losses.sum(), numbers)
        norm = gradient.norm(dim=1, keepdim=True)
        numbers.grad = gradient * (GRADIENT_NORM / (norm + 1e-6)).clamp(max=1)
        self._optimizer.step()
        return losses.detach()

    def _losses(self, member: int, queries: Tensor) -> Tensor:
        asked = self._bank.question(queries, self._first.num_candidates, self._first.generator)
        logits = self.votes.training_logits(asked, member)
        losses = binary_cross_entropy_with_logits(
            logits, asked.up.expand_as(logits), weight=asked.weight, reduction="none"
        )
        return losses.mean(dim=1)


def _has_ended(losses: Sequence[float]) -> bool:
    """Whether early stopping would have ended a fit with these losses."""
    return len(losses) - 1 - best_epoch(losses) >= PATIENCE_EPOCHS
