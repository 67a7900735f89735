import numpy as np
import pytest

from job.arrays import FloatArray
from job.evaluation import expectation
from job.evaluation.expectation import ExpectedBand, expected_band


def band_of(tested: FloatArray, num_days: int, seed: int = 0) -> ExpectedBand:
    """The band, which there must be."""
    band = expected_band(tested, num_days, rng=np.random.default_rng(seed))
    assert band is not None
    return band


def noise(num_days: int, *, mean: float = 0.0, seed: int = 1) -> FloatArray:
    """Daily returns of two percent."""
    return np.random.default_rng(seed).normal(mean, 0.02, num_days)


def test_band_of_days_that_never_vary_is_their_path() -> None:
    """Nothing can be redrawn of them: one percent a day is one percent a day."""
    band = band_of(np.full(60, 0.01), 5)
    for bound in (band.low, band.median, band.high):
        np.testing.assert_allclose(bound, 1.01 ** np.arange(1, 6), rtol=1e-12)


def test_band_widens_with_the_days_and_holds_its_middle() -> None:
    """In order on every day, and wider with nearly the root of the days at least."""
    band = band_of(noise(120), 40)
    assert (band.low < band.median).all() and (band.median < band.high).all()
    width = np.log(band.high / band.low)
    assert width[35] > width[8] * 1.8
    assert band.low.shape == (40,)


def test_band_knows_that_few_tests_tell_little(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same returns tested five times as long leave less open of the model itself, and so of its account."""
    monkeypatch.setattr(expectation, "optimal_block_days", lambda _: 1.0)  # repeated days would seem to depend
    long = np.tile(noise(60), 5)
    widths = [np.log(band.high[-1] / band.low[-1]) for band in (band_of(long[:60], 60), band_of(long, 60))]
    assert widths[0] > 1.15 * widths[1]


def test_band_reaches_past_the_days_that_were_tested() -> None:
    """A model may be in use for longer than it was tested."""
    assert len(band_of(noise(60), 150).high) == 150


@pytest.mark.parametrize(("num_tested", "num_days"), [(59, 10), (60, 0)])
def test_too_few_days_expect_nothing(num_tested: int, num_days: int) -> None:
    """Fewer than an interval takes, or none to hold against it."""
    assert expected_band(noise(num_tested), num_days, rng=np.random.default_rng(0)) is None


@pytest.mark.slow
def test_band_is_seldom_left_on_any_day_by_a_model_that_is_what_was_tested() -> None:
    """Few accounts with the tests' own, unknown mean ever do, 25 of 300 in a longer count; most that are worse do."""
    left = {0.0: 0, -0.012: 0}
    generator = np.random.default_rng(5)
    for number in range(40):
        mean = generator.normal(0, 0.002)
        band = band_of(generator.normal(mean, 0.02, 147), 30, seed=number)
        shocks = generator.normal(mean, 0.02, 30)
        for shift in left:
            account = np.cumprod(1 + shocks + shift)
            left[shift] += bool(((account < band.low) | (account > band.high)).any())
    assert left[0.0] <= 8
    assert left[-0.012] >= 20
