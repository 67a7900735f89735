import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from job.arrays import FloatArray
from job.model.calibration import fit_slope, shrink
from job.model.classifier import mean_log_loss
from tests.support.labelled import sigmoid

PRIOR = 0.45
NUM_ROWS = 20_000


def forecasts(confidence: float, *, true_strength: float = 1.0, seed: int = 0) -> tuple[FloatArray, FloatArray]:
    """Forecasts ``confidence`` times as far from the prior as a signal of ``true_strength``, and their labels."""
    generator = np.random.default_rng(seed)
    signal = generator.standard_normal(NUM_ROWS)
    offset = np.log(PRIOR / (1 - PRIOR))
    up = (generator.random(NUM_ROWS) < sigmoid(offset + true_strength * signal)).astype(np.float64)
    return sigmoid(offset + confidence * signal), up


def slope_of(probability: FloatArray, up: FloatArray) -> float:
    """The slope around one prior."""
    return fit_slope(probability, up, prior=np.full(len(up), PRIOR))


@pytest.mark.parametrize(
    ("confidence", "true_strength", "slope"),
    [
        pytest.param(0.95, 1.0, 1.0, id="sound"),
        pytest.param(2.0, 1.0, 0.5, id="twice too sure"),
        pytest.param(4.0, 1.0, 0.25, id="four times too sure"),
        pytest.param(0.3, 1.0, 1.0, id="too modest is never sharpened"),
        pytest.param(1.0, -1.0, 0.0, id="the wrong way round"),
    ],
)
def test_fit_slope_undoes_overconfidence(confidence: float, true_strength: float, slope: float) -> None:
    """The slope is one over the overconfidence, within [0, 1]."""
    assert slope_of(*forecasts(confidence, true_strength=true_strength)) == pytest.approx(slope, abs=0.02)


def test_fit_slope_of_noise_is_next_to_the_prior() -> None:
    """Forecasts that know nothing are shrunk to almost nothing."""
    assert slope_of(*forecasts(1.0, true_strength=0.0)) < 0.05


@given(st.integers(0, 1000), st.floats(0.1, 5), st.floats(-1, 1))
@settings(max_examples=15, deadline=None)
def test_fit_slope_finds_the_lowest_loss(seed: int, confidence: float, true_strength: float) -> None:
    """No other slope of a fine grid has a lower log-loss."""
    probability, up = (values[:500] for values in forecasts(confidence, true_strength=true_strength, seed=seed))
    best = mean_log_loss(up, shrink(probability, prior=PRIOR, slope=slope_of(probability, up)))
    losses = [mean_log_loss(up, shrink(probability, prior=PRIOR, slope=s)) for s in np.linspace(0, 1, 51)]
    assert best <= min(losses) + 1e-9


def test_shrink_moves_between_forecast_and_prior() -> None:
    """Slope 1 changes nothing, 0 gives the prior, and the order of forecasts stays."""
    probability = np.array([0.05, 0.3, 0.45, 0.8])
    np.testing.assert_allclose(shrink(probability, prior=PRIOR, slope=1.0), probability, rtol=1e-12)
    np.testing.assert_allclose(shrink(probability, prior=PRIOR, slope=0.0), PRIOR, rtol=1e-12)
    half = shrink(probability, prior=PRIOR, slope=0.5)
    assert (np.diff(half) > 0).all()
    assert (np.abs(half - PRIOR) <= np.abs(probability - PRIOR) + 1e-12).all()


def test_slope_of_certain_forecasts_is_finite() -> None:
    """Forecasts of exactly 0 and 1 are handled like nearly certain ones; a wrong one shrinks them all."""
    slope = slope_of(np.array([0.0, 1.0, 1.0, 0.0]), np.array([0.0, 1.0, 0.0, 0.0]))
    assert 0 < slope < 0.2
    assert np.isfinite(shrink(np.array([0.0, 1.0]), prior=PRIOR, slope=1.0)).all()


def test_slope_of_the_prior_itself_is_one() -> None:
    """A forecast that never leaves the prior has nothing to shrink."""
    assert slope_of(np.full(10, PRIOR), np.array([0.0, 1.0] * 5)) == 1.0
