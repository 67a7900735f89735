"""Shrinking forecasts to the prior by one number, fitted on validation forecasts.

A model that has learned noise is overconfident. The slope a in

    logit p' = logit prior + a (logit p - logit prior),   0 <= a <= 1

is fitted on rows that the model has not seen: 1 leaves a sound forecast alone, 0 makes it the prior. It is
temperature scaling (Guo et al., 2017) around the prior instead of one half; it never sharpens, since a few days of
validation are no ground for more confidence.
"""

import numpy as np

from job.arrays import FloatArray

BISECTIONS = 40
FLOOR = 1e-6


def fit_slope(probability: FloatArray, up: FloatArray, *, prior: FloatArray) -> float:
    """The slope in [0, 1] with the lowest log-loss.

    Parameters
    ----------
    probability, up : float64 (n,), validation forecasts and their labels, 0 or 1.
    prior : float64 (n,), share of up labels in the rows that each forecast's model was fitted on.
    """
    offset = logit(prior)
    distance = logit(probability) - offset

    def loss_gradient(slope: float) -> float:
        return float(np.mean(distance * (_sigmoid(offset + slope * distance) - up)))

    low, high = 0.0, 1.0
    if loss_gradient(high) <= 0:
        return high
    if loss_gradient(low) >= 0:
        return low
    for _ in range(BISECTIONS):  # the loss is convex in the slope
        middle = (low + high) / 2
        low, high = (low, middle) if loss_gradient(middle) > 0 else (middle, high)
    return (low + high) / 2


def shrink(probability: FloatArray, *, prior: float, slope: float) -> FloatArray:
    """Forecasts moved to the prior by ``slope``, float64 (n,)."""
    offset = logit(np.array([prior]))
    return _sigmoid(offset + slope * (logit(probability) - offset))


def logit(probability: FloatArray) -> FloatArray:
    """Log-odds, float64 of any shape, of probabilities that are kept a millionth away from certainty."""
    clipped = np.clip(probability, FLOOR, 1 - FLOOR)
    value: FloatArray = np.log(clipped) - np.log1p(-clipped)
    return value


def _sigmoid(log_odds: FloatArray) -> FloatArray:
    value: FloatArray = 1 / (1 + np.exp(-log_odds))
    return value
