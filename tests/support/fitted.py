"""One fitted classifier of each kind that can trade, from 200 rows, and a trained procedure around it."""

from dataclasses import replace
from typing import get_args

import torch

from job.learners import make_learners
from job.model.blend import BLEND, MEMBERS, BlendChoice, BlendClassifier, BlendMember
from job.model.classifier import Classifier
from job.procedure import TrainedProcedure
from job.settings.procedure import ModelSettings
from job.signals import Thresholds
from tests.support.labelled import random_rows
from tests.support.runs import example_run

RUN = example_run(1)
THRESHOLDS = Thresholds(buy=0.56, sell=0.41)


def trained_with(classifier: Classifier, thresholds: Thresholds = THRESHOLDS) -> TrainedProcedure:
    """A trained procedure around a classifier."""
    example = RUN.trained["prior"]
    return replace(example, classifier=classifier, slope=0.7, choice=replace(example.choice, thresholds=thresholds))


MODELS = get_args(ModelSettings.model_fields["model"].annotation)


def blend_of(members: dict[str, Classifier]) -> BlendClassifier:
    """The members at unequal weights, each calibrated otherwise."""
    weights = {name: weight for name, weight in zip(members, (0.5, 0.3, 0.2), strict=True)}
    choice = BlendChoice(weights=weights, is_kept=True, best_member="logistic", loss_less_best=-0.1, low=-0.2, high=0.1)
    blended = tuple(
        BlendMember(name=name, weight=weights[name], classifier=each, prior=0.4, slope=weights[name])
        for name, each in members.items()
    )
    return BlendClassifier(members=blended, choice=choice)


def fit_classifier(model: str) -> Classifier:
    """The classifier of a traded model that has learned from 200 rows."""
    if model == BLEND:
        return blend_of({name: fit_classifier(name) for name in MEMBERS})
    settings = ModelSettings.model_validate({"model": model, "epochs": 2})
    names = ("atr_14", *(f"feature_{number}" for number in range(5)))
    learner = make_learners(settings, feature_names=names, stream=0, device=torch.device("cpu"))[0]
    rows, validation = random_rows(200, strength=1.0), random_rows(100, strength=1.0, seed=1, first_bar=300)
    return learner.refit(rows, (learner.validate(rows, validation, block=0),))[0]
