from functools import partial

import numpy as np
import pytest

from job.evaluation import bootstrap as subject
from job.evaluation.bootstrap import DayDraws, Interval, confidence_interval, draw_days, draw_indices, sharpe_interval
from job.evaluation.returns import sharpe_ratio
from tests.support.return_series import NUM_SERIES, random_return_series

annual_sharpe = partial(subject.sharpe_along_days, bars_per_year=365)


def daily_noise(num_days: int, seed: int, mean: float = 0.0) -> np.ndarray:
    """Independent daily returns of one per cent."""
    return np.random.default_rng(seed).normal(mean, 0.01, num_days)


def test_optimal_block_days_of_a_constant_is_one() -> None:
    """Nothing depends on anything, of however many days."""
    for series in map(random_return_series, range(NUM_SERIES)):
        if series.std() < 1e-12 or len(series) < 10:
            assert subject.optimal_block_days(series) == 1


def test_optimal_block_days_survives_a_silent_tail() -> None:
    """A strategy that stopped trading has a block length, not a division by zero."""
    series = np.append(daily_noise(30, 1), np.zeros(120))
    assert 1 <= subject.optimal_block_days(series - series.mean()) <= 50
    assert np.isfinite(subject.optimal_block_days(np.append([0.01, -0.01], np.zeros(60))))


@pytest.mark.parametrize("num_days", range(1, 12))
def test_draw_days_needs_no_length(num_days: int) -> None:
    """A test of a few days can be redrawn, though it has no interval."""
    draws = draw_days(daily_noise(num_days, 1), rng=np.random.default_rng(1), num_draws=3)
    assert draws.index.shape == (3, num_days)
    assert draws.block_days >= 5


def test_draw_indices_moves_in_blocks_of_the_mean_length() -> None:
    """A row follows its predecessor except at a block's start, once in ``block_length`` draws, everywhere alike."""
    index = draw_indices(100, block_length=8, num_draws=4_000, rng=np.random.default_rng(0))
    follows = (index[:, 1:] - index[:, :-1]) % 100 == 1
    assert follows.mean() == pytest.approx(1 - 1 / 8 * 99 / 100, abs=0.002)
    share = np.bincount(index.ravel(), minlength=100) / index.size
    np.testing.assert_allclose(share, 0.01, atol=0.001)
    assert index.shape == (4_000, 100)


def test_draw_days_is_fixed_by_its_generator() -> None:
    """The same seed draws the same days, another seed others; five days is the shortest mean block."""
    series = daily_noise(147, 2)
    first, again, other = (draw_days(series, rng=np.random.default_rng(s), num_draws=50) for s in (1, 1, 2))
    assert np.array_equal(first.index, again.index)
    assert not np.array_equal(first.index, other.index)
    assert first.block_days >= 5


def test_means_equal_the_means_of_redrawn_series() -> None:
    """Counting how often each day was drawn gives the mean of the drawn days."""
    draws = draw_days(daily_noise(90, 3), rng=np.random.default_rng(3), num_draws=40)
    values = np.random.default_rng(4).normal(size=(3, 90))
    np.testing.assert_allclose(draws.means(values), values[:, draws.index].mean(axis=-1), atol=1e-14)
    assert draws.num_days == 90


def test_sharpe_along_days_is_the_sharpe_ratio() -> None:
    """Along the last axis it is `sharpe_ratio`, and 0 for a redrawn history without variance."""
    series = np.stack([daily_noise(50, seed) for seed in range(4)])
    expected = [sharpe_ratio(row, bars_per_year=365).value for row in series]
    np.testing.assert_allclose(annual_sharpe(series), expected, rtol=1e-12)
    assert annual_sharpe(np.full((1, 9), 0.01)) == 0


def test_confidence_interval_of_a_mean_is_the_normal_one() -> None:
    """For independent days the interval of the mean is about mean plus and minus 1.96 standard errors."""
    series = daily_noise(700, 5, mean=0.001)
    draws = draw_days(series, rng=np.random.default_rng(6))
    interval = confidence_interval(lambda sample: sample.mean(axis=-1), series, draws)
    error = 1.96 * series.std(ddof=1) / np.sqrt(700)
    assert interval.low == pytest.approx(series.mean() - error, abs=0.1 * error)
    assert interval.high == pytest.approx(series.mean() + error, abs=0.1 * error)


def test_confidence_interval_covers_the_truth() -> None:
    """Over 147 days of dependent noise the 95 % interval of the Sharpe ratio covers 0 about that often."""
    covered = 0
    for seed in range(150):
        noise = daily_noise(148, seed)
        series = noise[1:] + 0.2 * noise[:-1]
        draws = draw_days(series, rng=np.random.default_rng(seed), num_draws=400)
        interval = confidence_interval(annual_sharpe, series, draws)
        assert interval.low is not None
        assert interval.high is not None
        covered += interval.low <= 0 <= interval.high
    assert 0.86 <= covered / 150 <= 0.99


def test_confidence_interval_of_a_difference_is_paired() -> None:
    """Two series that differ by a constant have a difference without error, however noisy each is."""
    series = daily_noise(147, 7)
    pair = np.stack([series + 0.001, series])
    draws = draw_days(series, rng=np.random.default_rng(7), num_draws=100)
    interval = confidence_interval(lambda sample: (sample[0] - sample[1]).mean(axis=-1), pair, draws)
    assert interval.low == pytest.approx(0.001)
    assert interval.high == pytest.approx(0.001)


def test_confidence_interval_needs_sixty_days() -> None:
    """59 days have no interval, 60 have."""
    for num_days, reason in ((59, "too_short"), (60, None)):
        series = daily_noise(num_days, 8)
        draws = draw_days(series, rng=np.random.default_rng(8), num_draws=20)
        assert confidence_interval(annual_sharpe, series, draws).reason == reason


def test_confidence_interval_refuses_other_days() -> None:
    """NaN and a series of another length are refused."""
    draws = DayDraws(index=np.zeros((2, 70), dtype=np.int64), block_days=5)
    with pytest.raises(ValueError, match="70"):
        confidence_interval(annual_sharpe, np.zeros(71), draws)
    with pytest.raises(ValueError, match="finite"):
        confidence_interval(annual_sharpe, np.full(70, np.nan), draws)


def test_sharpe_interval_is_of_the_annual_ratio() -> None:
    """That of the plain statistic; too short comes before no variance, and rounding noise is none."""
    returns = daily_noise(147, 3, mean=0.001)
    draws = draw_days(returns, rng=np.random.default_rng(0), num_draws=400)
    assert sharpe_interval(returns, draws) == confidence_interval(annual_sharpe, returns, draws)
    flat = 0.1 + 1e-17 * np.arange(147)
    assert sharpe_interval(flat, draws) == Interval(low=None, high=None, reason="zero_variance")
    few = draw_days(flat[:59], rng=np.random.default_rng(0), num_draws=3)
    assert sharpe_interval(flat[:59], few).reason == "too_short"


def test_interval_has_bounds_or_a_reason() -> None:
    """One bound alone, or bounds with a reason, are refused."""
    assert Interval(low=0.0, high=1.0).reason is None
    for low, high, reason in ((0.0, None, None), (0.0, 1.0, "too_short"), (None, None, None)):
        with pytest.raises(ValueError, match="interval"):
            Interval(low=low, high=high, reason=reason)  # type: ignore[arg-type]
