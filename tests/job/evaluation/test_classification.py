import numpy as np
import pytest
from sklearn.calibration import calibration_curve

from job.evaluation import classification as subject
from job.evaluation.measure import Measure
from tests.support.metric_oracles import random_forecasts


@pytest.mark.parametrize("seed", range(20))
def test_calibration_bins_are_those_of_scikit_learn(seed: int) -> None:
    """Forecast and observed rates of the bins that hold a forecast, and every row in one of them."""
    label, probability = random_forecasts(seed)
    observed, forecast = calibration_curve(label, probability, n_bins=10)
    bins = subject.calibration_bins(label, probability, num_bins=10)
    np.testing.assert_allclose(bins.observed_rate, observed, atol=1e-12)
    np.testing.assert_allclose(bins.mean_probability, forecast, atol=1e-12)
    assert bins.count.sum() == len(label)


def test_brier_skill_compares_with_the_training_prior() -> None:
    """The prior itself has no skill, a perfect forecast has all of it, a worse one has less than none."""
    label = np.array([0, 1, 1, 0, 1])
    assert subject.brier_skill(label, np.full(5, 0.4), train_prior=0.4).value == 0
    assert subject.brier_skill(label, label, train_prior=0.4).value == 1
    worse = subject.brier_skill(label, 1.0 - label, train_prior=0.4).value
    assert worse is not None
    assert worse < 0
    assert subject.brier_skill(np.ones(3), np.ones(3), train_prior=1.0).reason == "certain_prior"
    mixed = np.array([0.4, 0.4, 0.6, 0.6, 0.6])  # forecasts of models that were trained on different rows
    assert subject.brier_skill(label, mixed, train_prior=mixed).value == 0


def test_base_rate_is_the_share_of_ones() -> None:
    """Three of four."""
    assert subject.base_rate([1, 1, 0, 1]).value == 0.75


@pytest.mark.parametrize(
    ("measure", "reason"),
    [
        (subject.auc([1, 1], [0.2, 0.3]), "one_class"),
        (subject.mcc([0, 0], [0, 1]), "one_class"),
        (subject.mcc([0, 1], [1, 1]), "constant_forecast"),
        (subject.log_loss([], []), "too_short"),
        (subject.brier([], []), "too_short"),
        (subject.brier_skill([], [], train_prior=0.5), "too_short"),
        (subject.auc([], []), "too_short"),
        (subject.mcc([], []), "too_short"),
        (subject.base_rate([]), "too_short"),
    ],
)
def test_measures_say_why_they_are_undefined(measure: Measure, reason: str) -> None:
    """One class, one forecast and no row are reasons, not 0 or 0.5."""
    assert measure == Measure(None, reason)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("label", "probability"),
    [([0, 1], [0.5, np.nan]), ([0, 2], [0.5, 0.5]), ([0, 1], [0.5, 1.5]), ([0, 1], [0.5]), ([0, np.nan], [0.5, 0.5])],
)
def test_measures_refuse_what_is_no_forecast(label: list[float], probability: list[float]) -> None:
    """NaN, a third class, a probability above 1 and missing rows are refused."""
    with pytest.raises(ValueError, match=r"label|probabilit"):
        subject.log_loss(label, probability)
