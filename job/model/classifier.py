"""What every classifier of the product offers: forecasts, choices made on validation, and a refit."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

from job.arrays import BoolArray, Float32Array, FloatArray
from job.rows import LabelledRows

SMALLEST_LIKELIHOOD = 1e-15

# Told of each epoch and its training loss.
OnEpoch = Callable[[int, float], None]


class Classifier(Protocol):
    """A fitted model."""

    def predict(self, features: Float32Array) -> FloatArray:
        """Probability of up, float64 (n,), for unscaled features, float32 (n, F)."""
        ...


@dataclass(frozen=True, kw_only=True)
class LossCurve:
    """Mean log-loss by epoch; `validation` starts with the untrained model, and is empty in a refit."""

    training: tuple[float, ...]
    validation: tuple[float, ...]
    best_epoch: int


@dataclass(frozen=True, kw_only=True)
class ValidatedFit:
    """A fit on the first part of a forward block, with its forecasts of the second.

    Parameters
    ----------
    probability : float64 (n,), one for each row of the validation span, labelled or not.
    losses : dict
        Mean validation log-loss of each candidate value of the learner's own hyperparameter, such as an epoch
        count or a penalty.
    curve : LossCurve or None
        For learners that have epochs.
    is_novel : bool (n,) or None
        Rows that the fit stays silent about, see `job.model.novelty`; None for none.
    """

    probability: FloatArray
    losses: dict[float, float] = field(default_factory=dict)
    curve: LossCurve | None = None
    is_novel: BoolArray | None = None

    def heard(self, probability: FloatArray) -> FloatArray:
        """Forecasts of the same rows, float64 (n,), NaN where the model stays silent."""
        return probability if self.is_novel is None else np.where(self.is_novel, np.nan, probability)


class Learner(Protocol):
    """How a kind of classifier is chosen and fitted. Knows nothing of tests."""

    name: str

    def validate(
        self, fit: LabelledRows, validation: LabelledRows, *, block: int, on_epoch: OnEpoch | None = None
    ) -> ValidatedFit:
        """Fit on ``fit`` and forecast ``validation``, whose labels may only rank candidates."""
        ...

    def refit(
        self, train: LabelledRows, validated: tuple[ValidatedFit, ...], *, on_epoch: OnEpoch | None = None
    ) -> tuple[Classifier, LossCurve | None]:
        """Fit on all training rows with what the forward blocks have chosen."""
        ...


def log_losses(up: FloatArray, probability: FloatArray) -> FloatArray:
    """Negative log-likelihood of each label, 0 or 1, under a forecast clipped away from certainty, float64 (n,)."""
    likelihood = np.where(up == 1, probability, 1 - probability)
    losses: FloatArray = -np.log(np.maximum(likelihood, SMALLEST_LIKELIHOOD))
    return losses


def mean_log_loss(up: FloatArray, probability: FloatArray) -> float:
    """Mean of `log_losses`."""
    return float(log_losses(up, probability).mean())


def best_candidate(validated: tuple[ValidatedFit, ...]) -> float:
    """The candidate with the lowest mean log-loss over the blocks that have tried it in common."""
    common = set.intersection(*(set(v.losses) for v in validated))
    return min(sorted(common), key=lambda candidate: sum(v.losses[candidate] for v in validated))
