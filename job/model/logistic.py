"""Logistic regression with an L2 penalty chosen on validation: the baseline that a clever model must beat."""

from dataclasses import dataclass

import numpy as np

from job.arrays import Float32Array, FloatArray
from job.model.classifier import OnEpoch, ValidatedFit, best_candidate, mean_log_loss
from job.model.scaling import RobustScaler
from job.rows import LabelledRows

INVERSE_PENALTIES = (1e-4, 1e-3, 1e-2, 1e-1, 1.0)


@dataclass(frozen=True, kw_only=True)
class LogisticClassifier:
    """Scaler and a fitted line: a coefficient for each scaled feature, float64 (F,), and an intercept."""

    scaler: RobustScaler
    coefficients: FloatArray
    intercept: float

    def predict(self, features: Float32Array) -> FloatArray:
        """Probability of up, float64 (n,); a row's does not depend on the rows beside it, as a product's would."""
        scaled = self.scaler.transform(features).astype(np.float64)
        probability: FloatArray = 1 / (1 + np.exp(-((scaled * self.coefficients).sum(axis=1) + self.intercept)))
        return probability


class LogisticLearner:
    """Chooses the penalty over the forward blocks."""

    name = "logistic"

    def validate(
        self, fit: LabelledRows, validation: LabelledRows, *, block: int, on_epoch: OnEpoch | None = None
    ) -> ValidatedFit:
        """Fit every penalty; forecast with the best."""
        is_labelled = np.isfinite(validation.up)
        forecasts = {c: _fit(fit, c).predict(validation.features) for c in INVERSE_PENALTIES}
        up = validation.up[is_labelled]
        losses = {c: mean_log_loss(up, p[is_labelled]) for c, p in forecasts.items()}
        return ValidatedFit(probability=forecasts[min(losses, key=losses.__getitem__)], losses=losses)

    def refit(
        self, train: LabelledRows, validated: tuple[ValidatedFit, ...], *, on_epoch: OnEpoch | None = None
    ) -> tuple[LogisticClassifier, None]:
        """Fit the penalty with the best mean loss on all training rows."""
        return _fit(train, best_candidate(validated)), None


def _fit(rows: LabelledRows, inverse_penalty: float) -> LogisticClassifier:
    from sklearn.linear_model import LogisticRegression  # two seconds to import: only when it is fitted

    scaler = RobustScaler.fit(rows.features)
    regression = LogisticRegression(C=inverse_penalty, max_iter=500)
    regression.fit(scaler.transform(rows.features).astype(np.float64), rows.up)
    return LogisticClassifier(
        scaler=scaler, coefficients=regression.coef_[0].copy(), intercept=float(regression.intercept_[0])
    )
