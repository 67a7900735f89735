"""Logistic regression on nothing but volatility and the hour of day.

Barriers, horizons and moods of the day make some labels easier than others. A model that does not beat this one has
learned when the market moves, not where to.
"""

import re
from dataclasses import dataclass, replace

import numpy as np

from job.arrays import Float32Array, FloatArray, IntArray
from job.errors import ConfigError
from job.model.classifier import OnEpoch, ValidatedFit
from job.model.logistic import LogisticClassifier, LogisticLearner
from job.rows import LabelledRows

# Of the traded market alone: a context market's volatility, or the week's phase, is more than this baseline knows.
COLUMN_PATTERNS = (
    r"atr_\d+",
    r"mean_true_range_\d+",
    r"ewm_volatility",
    r"volatility",
    r"(day|half_day)_(sine|cosine)",
)


@dataclass(frozen=True, kw_only=True)
class VolatilityClassifier:
    """Which columns, int64 (c,), and the regression on them."""

    columns: IntArray
    logistic: LogisticClassifier

    def predict(self, features: Float32Array) -> FloatArray:
        """Probability of up, float64 (n,), for all features, float32 (n, F)."""
        return self.logistic.predict(features[:, self.columns])


class VolatilityLearner:
    """A logistic regression that is shown a few columns.

    Parameters
    ----------
    feature_names : names of all columns; see `volatility_columns`.
    """

    name = "volatility"

    def __init__(self, feature_names: tuple[str, ...]) -> None:
        self._columns = volatility_columns(feature_names)
        self._logistic = LogisticLearner()

    def validate(
        self, fit: LabelledRows, validation: LabelledRows, *, block: int, on_epoch: OnEpoch | None = None
    ) -> ValidatedFit:
        """Fit every penalty; forecast with the best."""
        return self._logistic.validate(self._shown(fit), self._shown(validation), block=block)

    def refit(
        self, train: LabelledRows, validated: tuple[ValidatedFit, ...], *, on_epoch: OnEpoch | None = None
    ) -> tuple[VolatilityClassifier, None]:
        """Fit the penalty with the best mean loss on all training rows."""
        logistic, _ = self._logistic.refit(self._shown(train), validated)
        return VolatilityClassifier(columns=self._columns, logistic=logistic), None

    def _shown(self, rows: LabelledRows) -> LabelledRows:
        return replace(rows, features=rows.features[:, self._columns])


def volatility_columns(feature_names: tuple[str, ...]) -> IntArray:
    """Indexes of the columns that are the market's volatility or the hour of day, int64 (c,).

    Raises
    ------
    ConfigError
        There is none.
    """
    pattern = re.compile("|".join(COLUMN_PATTERNS))
    columns = np.flatnonzero([pattern.fullmatch(name) is not None for name in feature_names])
    if not len(columns):
        raise ConfigError(
            "The feature set has no column of volatility or of the hour of day, so that the volatility baseline has "
            "nothing to learn from.",
            remedy="Use a feature set with one, such as --features core.",
        )
    return columns.astype(np.int64)
