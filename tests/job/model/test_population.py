"""Candidates that train together: each has the losses that it has alone, and ends when it would end alone."""

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn.functional import batch_norm

from job.model import epochs, fit, population, stack
from job.model.adamw import AdamW
from job.model.epochs import set_rate
from job.model.fit import LorentzianLearner, PreparedRows, UntrainedVote, VoteEpoch, parameter_groups
from job.model.lorentzian import LorentzianNCA
from job.model.population import Population, shape_of, train_population
from job.model.search import SearchFit
from job.model.stack import StackedVotes
from job.model.trial import Trials
from job.settings.procedure import ModelSettings
from tests.support.labelled import random_rows

CPU = torch.device("cpu")
ROWS = random_rows(120, strength=1.0)
VALIDATION = random_rows(60, strength=1.0, seed=50, first_bar=5000)
OWN = ({"lr": 0.0003, "dropout": 0.1}, {"lr": 0.001, "dropout": 0.5}, {"lr": 0.0005, "neighbours": 20.0})


def settings_of(**shared: object) -> list[ModelSettings]:
    """Three candidates of one shape."""
    return [ModelSettings(**{"epochs": 2, "encoder": "residual", "hidden": 8, **shared, **own}) for own in OWN]


def together(settings: list[ModelSettings]) -> list[list[float]]:
    """Their losses as one population."""
    prepared = PreparedRows.of(ROWS, settings[0], CPU)
    learners = [LorentzianLearner(each, stream=3, device=CPU) for each in settings]
    return train_population(
        [learner.untrained(prepared, VALIDATION, part=1) for learner in learners], prepared.bank, settings
    )


def alone(settings: ModelSettings) -> list[float]:
    """The losses of one by itself."""
    learner = LorentzianLearner(settings, stream=3, device=CPU)
    return list(learner.validate(ROWS, VALIDATION, block=1).losses.values())


@pytest.fixture
def strict(monkeypatch: pytest.MonkeyPatch) -> None:
    """Clipping and decay that leave a trace within an epoch."""
    monkeypatch.setattr(fit, "WEIGHT_DECAY", 3.0)
    for module in (fit, population):
        monkeypatch.setattr(module, "GRADIENT_NORM", 0.02)


def numbers_apart(settings: list[ModelSettings]) -> list[float]:
    """How far each candidate's numbers are from those that it learns alone, after two epochs: mean distances."""
    prepared = PreparedRows.of(ROWS, settings[0], CPU)
    learners = [LorentzianLearner(each, stream=3, device=CPU) for each in settings]
    together = Population(untrained(learners, prepared), prepared.bank, settings)
    for _ in range(2):
        together.train_epoch()
    apart = []
    for vote, own, numbers in zip(untrained(learners, prepared), settings, together.votes.numbers, strict=True):
        vote.network.train()
        optimizer = AdamW(parameter_groups(vote.network, own.lr))
        alone = VoteEpoch(vote=vote, bank=prepared.bank, optimizer=optimizer, batch_size=own.batch_size)
        for _ in range(2):
            alone.run()
        learned = torch.cat([value.detach().flatten() for value in vote.network.parameters()])
        apart.append(float((numbers.detach() - learned).abs().mean()))
    return apart


def untrained(learners: list[LorentzianLearner], prepared: PreparedRows) -> list[UntrainedVote]:
    """Each before its first step."""
    return [learner.untrained(prepared, None, part=1) for learner in learners]


def test_population_learns_the_numbers_of_each_alone(strict: None) -> None:
    """Weights, scales and all: batch norm, dropout, clipping, rates and decay are each candidate's own."""
    assert max(numbers_apart(settings_of()[:2])) < 1e-6


def without_decay(votes: StackedVotes, groups: list[dict[str, Any]], entry: str) -> Tensor:
    """Speeds as they are, and no decay."""
    return laid_out(votes, groups, entry) * (entry == "speed")


def of_one_dropout(votes: StackedVotes, networks: list[LorentzianNCA], **given: Any) -> None:
    """All leave out what the first does."""
    begin(votes, networks, **given | {"dropout": given["dropout"][:1].expand(len(networks))})


laid_out, begin = StackedVotes.laid_out, StackedVotes.__init__


@pytest.mark.parametrize(
    ("owner", "name", "planted"),
    [
        (population, "GRADIENT_NORM", 1e9),
        (StackedVotes, "laid_out", without_decay),
        (StackedVotes, "__init__", of_one_dropout),
        (population, "set_rate", lambda optimizer, rate: set_rate(optimizer, rate.mean().expand_as(rate))),
        (stack, "batch_norm", lambda rows, *given, training: batch_norm(rows, *given, training=False)),
    ],
    ids=["no clipping", "no decay", "one dropout", "one rate", "no batch norm"],
)
def test_numbers_that_are_not_each_candidates_own_are_seen(
    strict: None, monkeypatch: pytest.MonkeyPatch, owner: object, name: str, planted: object
) -> None:
    """Any of these mistakes would break the law above by far."""
    monkeypatch.setattr(owner, name, planted)
    assert max(numbers_apart(settings_of()[:2])) > 1e-5


@pytest.mark.parametrize(
    "shared",
    [{}, {"encoder": "none"}, {"blocks": 2, "effort": "full", "class_weights": "balanced"}, {"blocks": 0}],
    ids=["encoder", "no encoder", "members and blocks", "no blocks"],
)
def test_population_has_the_losses_of_each_alone(shared: dict[str, object]) -> None:
    """With and without an encoder, of several members, with weights of the classes; only rounding differs."""
    settings = settings_of(**shared)
    found = together(settings)
    for losses, own in zip(found, settings, strict=True):
        np.testing.assert_allclose(losses, alone(own), rtol=0, atol=2e-5)
    assert len({losses[-1] for losses in found}) == len(OWN)


def test_population_ends_each_when_it_would_end_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where one has waited long enough and others go on, it has as many losses as by itself."""
    settings = settings_of()
    gains = [losses[0] - losses[1] for losses in together(settings)]
    monkeypatch.setattr(epochs, "LEAST_GAIN", (min(gains) + max(gains)) / 2)
    for module in (epochs, population):
        monkeypatch.setattr(module, "PATIENCE_EPOCHS", 1)
    found = [len(losses) for losses in together(settings)]
    assert found == [len(alone(own)) for own in settings]
    assert min(found) < max(found)


def test_shapes_differ_in_all_that_must_be_common() -> None:
    """Rate, dropout and neighbours are a candidate's own; whatever else differs makes another shape."""
    first, *others = settings_of()
    assert {shape_of(other) for other in others} == {shape_of(first)}
    for change in ({"hidden": 16}, {"batch_size": 32}, {"epochs": 3}, {"seed": 1}, {"encoder": "none"}):
        assert shape_of(first.model_copy(update=change)) != shape_of(first)


def trials_of(settings: list[ModelSettings]) -> Trials:
    """Trials named by number."""
    fits = [SearchFit(name=str(number), settings=each, is_trial=True) for number, each in enumerate(settings)]
    return Trials(fits, stream=3, device=CPU)


def test_trials_of_one_shape_train_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first that is asked trains all of its shape in the first rung; a later rung's train alone, rows anew."""
    trained: list[int] = []

    def count(votes, bank, settings):  # type: ignore[no-untyped-def]
        trained.append(len(votes))
        return train_population(votes, bank, settings)

    monkeypatch.setattr("job.model.trial.train_population", count)
    settings = settings_of(epochs=1)
    trials = trials_of([*settings, settings[0].model_copy(update={"epochs": 2})])
    losses = [list(trials.learners[name].validate(ROWS, VALIDATION, block=1).losses.values()) for name in "0123"]
    assert trained == [3]
    assert losses[:3] == together(settings)
    assert losses[3] == alone(settings[0].model_copy(update={"epochs": 2}))
    other = random_rows(120, strength=1.0, seed=9)
    assert list(trials.learners["0"].validate(other, VALIDATION, block=1).losses.values()) != losses[0]
    assert trained == [3, 3]
