"""Measures of a probability forecast for two classes.

``label`` is (n,) of 0 and 1, ``probability`` float (n,) in [0, 1], the forecast of class 1. Written in numpy
because the images that read results carry no scikit-learn; the tests hold them to it.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from job.arrays import BoolArray, FloatArray, IntArray
from job.evaluation.measure import Measure

# A forecast of exactly 0 or 1 that is wrong costs -log of this instead of infinity.
PROBABILITY_FLOOR = float(np.finfo(np.float64).eps)


@dataclass(frozen=True, kw_only=True)
class CalibrationBins:
    """Forecasts grouped by size; groups without a forecast are absent.

    Parameters
    ----------
    mean_probability : float64 (n_bins,), ascending.
    observed_rate : float64 (n_bins,), share of class 1 among the forecasts of the bin.
    count : int64 (n_bins,), forecasts in the bin, >= 1.
    """

    mean_probability: FloatArray
    observed_rate: FloatArray
    count: IntArray


def base_rate(label: ArrayLike) -> Measure:
    """Share of class 1."""
    is_one = _checked_classes(label, name="label")
    return Measure.of(is_one.mean()) if len(is_one) else Measure.undefined("too_short")


def log_loss(label: ArrayLike, probability: ArrayLike) -> Measure:
    """Mean negative log-likelihood in nats."""
    losses = log_losses(label, probability)
    return Measure.of(losses.mean()) if len(losses) else Measure.undefined("too_short")


def log_losses(label: ArrayLike, probability: ArrayLike) -> FloatArray:
    """Negative log-likelihood of each row in nats, float64 (n,)."""
    is_one, forecast = _checked(label, probability)
    of_what_came = np.where(is_one, forecast, 1 - forecast)
    losses: FloatArray = -np.log(np.clip(of_what_came, PROBABILITY_FLOOR, 1))
    return losses


def brier(label: ArrayLike, probability: ArrayLike) -> Measure:
    """Mean squared error of the forecast probability."""
    is_one, forecast = _checked(label, probability)
    return Measure.of(np.square(forecast - is_one).mean()) if len(is_one) else Measure.undefined("too_short")


def brier_skill(label: ArrayLike, probability: ArrayLike, *, train_prior: ArrayLike) -> Measure:
    """Share of the prior's Brier score that the forecast saves; negative if it is worse.

    Parameters
    ----------
    train_prior : share of class 1 in the training rows of each forecast, (n,) or one for all; never in the rows judged.
    """
    own = brier(label, probability)
    prior = brier(label, np.broadcast_to(train_prior, np.shape(label)))
    if own.value is None or prior.value is None:
        return own
    if prior.value == 0:  # the prior was 0 or 1, and right every time: nothing is left to save
        return Measure.undefined("certain_prior")
    return Measure.of(1 - own.value / prior.value)


def auc(label: ArrayLike, probability: ArrayLike) -> Measure:
    """Chance that a random row of class 1 has a higher forecast than one of class 0; ties count half."""
    is_one, forecast = _checked(label, probability)
    num_ones = int(is_one.sum())
    num_zeros = len(is_one) - num_ones
    if len(is_one) == 0:
        return Measure.undefined("too_short")
    if num_ones == 0 or num_zeros == 0:
        return Measure.undefined("one_class")
    _, group, size = np.unique(forecast, return_inverse=True, return_counts=True)
    mid_rank = np.cumsum(size) - (size - 1) / 2
    wins = mid_rank[group][is_one].sum() - num_ones * (num_ones + 1) / 2
    return Measure.of(wins / (num_ones * num_zeros))


def mcc(label: ArrayLike, predicted: ArrayLike) -> Measure:
    """Matthews' correlation between true and predicted class, -1 to 1.

    Parameters
    ----------
    predicted : (n,) of 0 and 1.
    """
    is_one = _checked_classes(label, name="label")
    says_one = _checked_classes(predicted, name="predicted")
    if len(is_one) != len(says_one):
        raise ValueError(f"{len(is_one)} labels, but {len(says_one)} predictions")
    if len(is_one) == 0:
        return Measure.undefined("too_short")
    if is_one.all() or not is_one.any():
        return Measure.undefined("one_class")
    if says_one.all() or not says_one.any():
        return Measure.undefined("constant_forecast")
    return Measure.of(np.corrcoef(is_one, says_one)[0, 1])


def calibration_bins(label: ArrayLike, probability: ArrayLike, *, num_bins: int) -> CalibrationBins:
    """Compare forecast and observed rates in ``num_bins`` equal steps of probability."""
    is_one, forecast = _checked(label, probability)
    edges = np.linspace(0, 1, num_bins + 1)
    bin_of = np.searchsorted(edges[1:-1], forecast)
    count = np.bincount(bin_of, minlength=num_bins)
    is_used = count > 0
    return CalibrationBins(
        mean_probability=np.bincount(bin_of, forecast, num_bins)[is_used] / count[is_used],
        observed_rate=np.bincount(bin_of, is_one, num_bins)[is_used] / count[is_used],
        count=count[is_used],
    )


def _checked(label: ArrayLike, probability: ArrayLike) -> tuple[BoolArray, FloatArray]:
    is_one = _checked_classes(label, name="label")
    forecast = np.asarray(probability, dtype=np.float64)
    if forecast.shape != is_one.shape:
        raise ValueError(f"labels have shape {is_one.shape}, but probabilities {forecast.shape}")
    if not ((forecast >= 0) & (forecast <= 1)).all():
        raise ValueError("a probability is not in [0, 1]")
    return is_one, forecast


def _checked_classes(classes: ArrayLike, *, name: str) -> BoolArray:
    values = np.asarray(classes)
    if values.ndim != 1 or not np.isin(values, (0, 1)).all():
        raise ValueError(f"{name} must be a row of 0 and 1")
    return values.astype(np.bool_)
