from dataclasses import replace

import numpy as np
import pytest
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st

from job.evaluation import sharpe as subject
from job.evaluation.sharpe import SharpeMoments
from tests.support.return_series import random_return_series

# Bailey and López de Prado (2014): an annual ratio of 2.5 over five years of 250 days, skewed and fat-tailed,
# the best of 100 trials whose annual ratios have a variance of one half.
PAPER = SharpeMoments(num_days=1_250, sharpe=2.5 / 250**0.5, skewness=-3, kurtosis=10)
NORMAL_DAY = SharpeMoments(num_days=147, sharpe=0.1, skewness=0, kurtosis=3)


def noise(num_series: int, num_days: int, seed: int) -> np.ndarray:
    """Strategies without skill."""
    return np.random.default_rng(seed).normal(0, 0.01, (num_series, num_days))


def daily_sharpes(series: np.ndarray) -> np.ndarray:
    """Daily ratio of each row."""
    return series.mean(axis=1) / series.std(axis=1, ddof=1)


def test_probability_above_gives_the_published_numbers() -> None:
    """PSR(0) and the deflated ratio of the paper's example: 24 skewed months, and the best of 100 trials."""
    months = SharpeMoments(num_days=24, sharpe=0.458, skewness=-2.448, kurtosis=10.164)
    assert subject.probability_above(months, benchmark=0) == pytest.approx(0.913, abs=1e-3)
    assert subject.probability_above(replace(months, skewness=0, kurtosis=3), benchmark=0) == pytest.approx(
        0.982, abs=1e-3
    )
    benchmark = (0.5 / 250) ** 0.5 * subject.expected_maximum(100)
    assert benchmark == pytest.approx(0.1132, abs=1e-4)
    assert subject.probability_above(PAPER, benchmark=benchmark) == pytest.approx(0.9004, abs=1e-4)


def test_probability_above_uses_the_full_kurtosis() -> None:
    """For normal days the variance is 1 + SR²/2; the excess kurtosis in its place is caught."""
    assert NORMAL_DAY.unit_variance == pytest.approx(1 + 0.1**2 / 2)
    mutant = replace(PAPER, kurtosis=PAPER.kurtosis - 3)
    benchmark = (0.5 / 250) ** 0.5 * subject.expected_maximum(100)
    assert subject.probability_above(mutant, benchmark=benchmark) != pytest.approx(0.9004, abs=1e-3)


@pytest.mark.parametrize("seed", range(0, 200, 7))
def test_sharpe_moments_agree_with_scipy(seed: int) -> None:
    """Skewness and kurtosis are the population moments; a normal has 3."""
    series = random_return_series(seed)
    moments = subject.sharpe_moments(series)
    if len(series) < 30:
        assert moments == "too_short"
    elif series.std() < 1e-12:
        assert moments == "zero_variance"
    else:
        assert isinstance(moments, SharpeMoments)
        assert moments.skewness == pytest.approx(scipy.stats.skew(series), rel=1e-10)
        assert moments.kurtosis == pytest.approx(scipy.stats.kurtosis(series, fisher=False), rel=1e-10)


def test_measures_say_why_they_are_undefined() -> None:
    """Short and constant series have neither probability nor track record; NaN is refused."""
    for series, reason in ((noise(1, 29, 0)[0], "too_short"), (np.full(40, 0.01), "zero_variance")):
        assert subject.psr(series).reason == reason
        assert subject.dsr(series, num_trials=3, trial_sharpes=np.array([])).reason == reason
        assert subject.min_track_record_days(series).reason == reason
    losing = noise(1, 100, 1)[0] - 0.01
    assert subject.min_track_record_days(losing).reason == "not_above_benchmark"
    with pytest.raises(ValueError, match="finite"):
        subject.psr(np.full(40, np.nan))
    with pytest.raises(ValueError, match="finite"):
        subject.deflated_benchmark(num_days=100, num_trials=3, trial_sharpes=np.array([np.nan]))


def test_moments_that_leave_no_variance_are_extreme() -> None:
    """Two values so that the ratio's variance vanishes give a reason, not a square root of nothing."""
    wins = np.full(99, 1.0)
    for loss in np.linspace(0.5, 0.999, 20):
        moments = subject.sharpe_moments(np.append(wins, loss))
        assert moments == "extreme_moments" or moments.unit_variance > 0  # type: ignore[union-attr]


def test_min_track_record_is_known_for_normal_days() -> None:
    """An annual ratio of 1, 1.5, 2 and 3 needs 990, 441, 249 and 112 days."""
    for annual, days in ((1, 990), (1.5, 441), (2, 249), (3, 112)):
        moments = replace(NORMAL_DAY, sharpe=annual / 365**0.5)
        needed = subject.track_record_days(moments, benchmark=0).value
        assert needed == pytest.approx(days, abs=1)


def test_min_track_record_is_where_the_probability_reaches_its_goal() -> None:
    """A history of exactly that many days has a probability of 0.95."""
    series = noise(1, 300, 3)[0] + 0.001
    moments = subject.sharpe_moments(series)
    needed = subject.min_track_record_days(series).value
    assert isinstance(moments, SharpeMoments)
    assert needed is not None
    at_goal = SharpeMoments(
        num_days=needed,  # type: ignore[arg-type]
        sharpe=moments.sharpe,
        skewness=moments.skewness,
        kurtosis=moments.kurtosis,
    )
    assert subject.probability_above(at_goal, benchmark=0) == pytest.approx(0.95, abs=1e-12)


def test_expected_maximum_is_exact_for_few_trials() -> None:
    """One trial expects 0, then .564, .846 and 1.029; an effective number between lies between."""
    assert [subject.expected_maximum(n) for n in (1, 2, 3, 4)] == pytest.approx([0, 0.5642, 0.8463, 1.0294], abs=1e-4)
    assert subject.expected_maximum(2.5) == pytest.approx((0.5642 + 0.8463) / 2, abs=1e-4)


@pytest.mark.parametrize("num_trials", [10, 50, 144, 500])
def test_expected_maximum_is_that_of_a_simulation(num_trials: int) -> None:
    """The extreme-value form is simulated maxima's mean, or up to three per cent above it."""
    maxima = np.random.default_rng(1).normal(size=(4_000, num_trials)).max(axis=1)
    assert -0.01 < subject.expected_maximum(num_trials) / maxima.mean() - 1 < 0.03


@given(st.floats(1, 1e6), st.floats(0.001, 100))
@settings(max_examples=100, deadline=None)
def test_expected_maximum_grows_with_trials(num_trials: float, more: float) -> None:
    """More trials never expect less."""
    assert subject.expected_maximum(num_trials + more) >= subject.expected_maximum(num_trials)


@pytest.mark.parametrize("bad", [0.9, float("nan"), float("inf")])
def test_expected_maximum_refuses_what_is_no_number_of_trials(bad: float) -> None:
    """At least the run itself is a trial."""
    with pytest.raises(ValueError, match="num_trials"):
        subject.expected_maximum(bad)


def test_dsr_of_one_trial_is_the_psr() -> None:
    """Who tried once owes luck nothing."""
    series = noise(1, 147, 5)[0] + 0.001
    assert subject.dsr(series, num_trials=1, trial_sharpes=np.array([0.3])) == subject.psr(series)


@pytest.mark.parametrize("num_trials", [5, 10, 40])
def test_dsr_takes_no_comfort_from_similar_trials(num_trials: int) -> None:
    """Trials that agree are given at least the sampling variance; a wider spread counts as it is."""
    alike = np.full(num_trials, 0.1)
    benchmark = subject.deflated_benchmark(num_days=147, num_trials=num_trials, trial_sharpes=alike)
    assert benchmark == pytest.approx(subject.expected_maximum(num_trials) / 146**0.5)
    wide = np.array([-1.0, 1.0])
    assert subject.deflated_benchmark(num_days=147, num_trials=2, trial_sharpes=wide) == pytest.approx(
        2**0.5 * subject.expected_maximum(2)
    )


def test_dsr_falls_with_every_trial() -> None:
    """The same result is worth less the more was tried."""
    series = noise(1, 147, 6)[0] + 0.002
    ratios = daily_sharpes(noise(50, 147, 7))
    values = [subject.dsr(series, num_trials=n, trial_sharpes=ratios).rank for n in (1, 2, 5, 20, 100)]
    assert values == sorted(values, reverse=True)
    assert len(set(values)) == len(values)
