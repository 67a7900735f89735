"""The class prior: the share of up labels in the training rows, whatever the features. Every model must beat it."""

from dataclasses import dataclass

import numpy as np

from job.arrays import Float32Array, FloatArray
from job.model.classifier import OnEpoch, ValidatedFit
from job.rows import LabelledRows


@dataclass(frozen=True, kw_only=True)
class PriorClassifier:
    """Forecasts one probability for everything."""

    probability: float

    def predict(self, features: Float32Array) -> FloatArray:
        """The prior, float64 (n,)."""
        return np.full(len(features), self.probability)


class PriorLearner:
    """Counts."""

    name = "prior"

    def validate(
        self, fit: LabelledRows, validation: LabelledRows, *, block: int, on_epoch: OnEpoch | None = None
    ) -> ValidatedFit:
        """Forecast the share of ``fit``."""
        return ValidatedFit(probability=self._fit(fit).predict(validation.features))

    def refit(
        self, train: LabelledRows, validated: tuple[ValidatedFit, ...], *, on_epoch: OnEpoch | None = None
    ) -> tuple[PriorClassifier, None]:
        """Count again on all training rows."""
        return self._fit(train), None

    def _fit(self, rows: LabelledRows) -> PriorClassifier:
        return PriorClassifier(probability=float(rows.up.mean()))
