"""Three worlds whose truth is known: no signal, a linear one, and one that only exists between two features."""

from collections.abc import Callable

import numpy as np
import torch

from job.arrays import FloatArray
from job.learners import make_learners
from job.model.classifier import mean_log_loss
from job.rows import LabelledRows
from job.settings.procedure import ModelSettings
from tests.support.klines import START_MS
from tests.support.labelled import BAR_MS, sigmoid

NUM_FEATURES, PERSISTENCE = 10, 0.9
FIT_ROWS, VALIDATION_ROWS, TEST_ROWS = 1500, 300, 672
# One name that the volatility baseline may see: the feature that carries no signal.
NAMES = (*(f"feature_{number}" for number in range(NUM_FEATURES - 1)), "atr_14")

LOGIT_OF: dict[str, Callable[[FloatArray], FloatArray]] = {
    "null": lambda x: 0 * x[:, 0],
    "linear": lambda x: 0.45 * x[:, 0],
    "interaction": lambda x: 0.55 * np.sign(x[:, 0]) * x[:, 1],
}


def make_world(world: str, seed: int) -> LabelledRows:
    """Autoregressive features of unit variance, a label a row that lasts one bar."""
    generator = np.random.default_rng(seed)
    num_rows = FIT_ROWS + VALIDATION_ROWS + TEST_ROWS
    shocks = generator.standard_normal((num_rows, NUM_FEATURES)) * np.sqrt(1 - PERSISTENCE**2)
    features = np.empty_like(shocks)
    features[0] = generator.standard_normal(NUM_FEATURES)
    for row in range(1, num_rows):
        features[row] = PERSISTENCE * features[row - 1] + shocks[row]
    open_time = START_MS + BAR_MS * np.arange(num_rows, dtype=np.int64)
    return LabelledRows(
        open_time=open_time,
        decision_ms=open_time + BAR_MS,
        features=features.astype(np.float32),
        up=(generator.random(num_rows) < sigmoid(LOGIT_OF[world](features))).astype(np.float64),
        label_end_ms=open_time + 2 * BAR_MS - 1,
    )


def losses_on_unseen(world: str, seed: int, *, only_baselines: bool) -> dict[str, float]:
    """Log-loss of every learner on rows that it never saw, refitted on all others; the first is the costly one."""
    rows = make_world(world, seed)
    bar = np.arange(len(rows))
    known, fit = bar < FIT_ROWS + VALIDATION_ROWS, bar < FIT_ROWS
    test = rows.select(~known)
    losses = {}
    learners = make_learners(ModelSettings(), feature_names=NAMES, stream=seed, device=torch.device("cpu"))
    for learner in learners[1:] if only_baselines else learners:
        validated = learner.validate(rows.select(fit), rows.select(known & ~fit), block=0)
        classifier, _ = learner.refit(rows.select(known), (validated,))
        losses[learner.name] = mean_log_loss(test.up, classifier.predict(test.features))
    return losses
