"""Gradient-boosted trees, kept small: the learner that most tables are won by, and so a baseline.

Labels overlap: the thousands of rows of a window are worth a few hundred independent ones. So trees have four
leaves of at least 50 rows, each is shown half of the features, and 300 rounds at this learning rate overfit any
window; how many are right is chosen on validation. (With 15 leaves and all features the first tree overfits.)
Features are not scaled: trees see nothing but their order. One thread, and bit-equal results from equal rows.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from job.arrays import Float32Array, FloatArray
from job.model.classifier import OnEpoch, ValidatedFit, best_candidate
from job.rows import LabelledRows

MAX_ROUNDS = 300
PATIENCE_ROUNDS = 30
LEARNING_RATE = 0.05
MAX_LEAVES = 4
MIN_LEAF_ROWS = 50
FEATURE_SHARE = 0.5
# Columns are split at up to 63 values: a quarter of the library's default, and a third of its time.
MAX_BINS = 63


@dataclass(frozen=True, kw_only=True)
class LightgbmClassifier:
    """A fitted ``lightgbm.Booster``."""

    booster: Any

    def predict(self, features: Float32Array) -> FloatArray:
        """Probability of up, float64 (n,), for unscaled features, float32 (n, F)."""
        if not len(features):
            return np.empty(0)
        probability: FloatArray = self.booster.predict(features, num_threads=1)
        return probability


class LightgbmLearner:
    """Chooses the number of rounds on forward blocks, and refits with it.

    Parameters
    ----------
    seed : int
        Draws the features that a tree is shown.
    """

    name = "lightgbm"

    def __init__(self, *, seed: int) -> None:
        self._seed = seed

    def validate(
        self, fit: LabelledRows, validation: LabelledRows, *, block: int, on_epoch: OnEpoch | None = None
    ) -> ValidatedFit:
        """Boost with early stopping on ``validation``; forecast it with the best round's trees."""
        import lightgbm

        judges = validation.select(np.isfinite(validation.up))
        record: dict[str, dict[str, list[float]]] = {}
        train = lightgbm.Dataset(fit.features, fit.up)
        booster = lightgbm.train(
            self._parameters(),
            train,
            num_boost_round=MAX_ROUNDS,
            valid_sets=[lightgbm.Dataset(judges.features, judges.up, reference=train)],
            valid_names=["validation"],
            callbacks=[
                lightgbm.early_stopping(PATIENCE_ROUNDS, verbose=False),
                lightgbm.record_evaluation(record),
            ],
        )
        losses = record["validation"]["binary_logloss"]
        return ValidatedFit(
            probability=LightgbmClassifier(booster=booster).predict(validation.features),
            losses={float(number): loss for number, loss in enumerate(losses, start=1)},
        )

    def refit(
        self, train: LabelledRows, validated: tuple[ValidatedFit, ...], *, on_epoch: OnEpoch | None = None
    ) -> tuple[LightgbmClassifier, None]:
        """Boost on all training rows for the rounds with the best mean validation loss."""
        import lightgbm

        rounds = int(best_candidate(validated))
        booster = lightgbm.train(self._parameters(), lightgbm.Dataset(train.features, train.up), num_boost_round=rounds)
        return LightgbmClassifier(booster=booster), None

    def _parameters(self) -> dict[str, object]:
        return {
            "objective": "binary",
            "metric": "binary_logloss",
            "learning_rate": LEARNING_RATE,
            "num_leaves": MAX_LEAVES,
            "min_data_in_leaf": MIN_LEAF_ROWS,
            "feature_fraction": FEATURE_SHARE,
            "max_bin": MAX_BINS,
            "deterministic": True,
            "force_row_wise": True,
            "num_threads": 1,
            "seed": self._seed,
            "verbosity": -1,
        }
