from collections.abc import Callable
from dataclasses import replace
from functools import partial

import numpy as np
import pytest

from job.arrays import FloatArray
from job.features import indicators
from job.features.grid import GridBars
from tests.support.features import bars_of_closes, grid_bars
from tests.support.klines import random_klines

ALL: list[Callable[[GridBars], FloatArray]] = [
    partial(indicators.log_return, length=3, lag=1),
    partial(indicators.log_range, length=1),
    partial(indicators.log_range, length=24),
    indicators.body_share,
    indicators.wick_balance,
    partial(indicators.channel_position, length=24),
    partial(indicators.bollinger_position, length=20),
    partial(indicators.bollinger_width, length=20),
    partial(indicators.mean_rsi, length=14),
    partial(indicators.mean_true_range, length=14),
    partial(indicators.mean_crossover, short=6, long=16),
    partial(indicators.cci, length=20),
    partial(indicators.volume_zscore, length=24),
    partial(indicators.volume_contrast, short=6, long=48),
    partial(indicators.volume_balance, length=12),
    partial(indicators.volatility_contrast, short=6, long=24),
    partial(indicators.semivariance_contrast, length=48),
    partial(indicators.trend_efficiency, length=12),
    partial(indicators.autocorrelation, length=48),
]
NEUTRAL = {"bollinger_position": 0.5, "mean_rsi": 50.0}


def name_of(indicator: Callable[[GridBars], FloatArray]) -> str:
    """Name of the function, for the test's id."""
    return getattr(indicator, "func", indicator).__name__


def one_bar(open_: float, high: float, low: float, close: float) -> GridBars:
    """A single bar."""
    single = {"open": open_, "high": high, "low": low, "close": close}
    return replace(bars_of_closes([close]), **{name: np.array([value]) for name, value in single.items()})


def test_indicators_of_a_short_series_are_the_numbers_worked_out_by_hand() -> None:
    """Closes 100, 110, 99, 99, 108 give these values at the last bar."""
    bars = bars_of_closes([100, 110, 99, 99, 108], volume=[5, 1, 2, 3, 4])
    up, down, last = np.log(1.1), np.log(0.9), np.log(108 / 99)
    expected = {
        "log_return over 2": (indicators.log_return(bars, length=2), last),
        "log_return a bar ago": (indicators.log_return(bars, length=2, lag=1), down),
        "log_range": (indicators.log_range(bars, length=3), np.log(110 / 99)),
        "channel_position": (indicators.channel_position(bars, length=3), (9 - 2) / 11),
        "mean_rsi": (indicators.mean_rsi(bars, length=4), 100 * 19 / 30),
        "mean_true_range": (indicators.mean_true_range(bars, length=2), 4.5 / 108),
        "mean_crossover": (indicators.mean_crossover(bars, short=2, long=4), np.log(103.5 / 104)),
        "volume_contrast": (indicators.volume_contrast(bars, short=1, long=4), (4 - 2.5) / 6.5),
        "volume_balance": (indicators.volume_balance(bars, length=4), (1 - 2 + 4) / 10),
        "semivariance": (
            indicators.semivariance_contrast(bars, length=4),
            (up**2 + last**2 - down**2) / (up**2 + last**2 + down**2),
        ),
        "trend_efficiency": (
            indicators.trend_efficiency(bars, length=4),
            np.log(1.08) / (up - down + last),
        ),
        "autocorrelation": (
            indicators.autocorrelation(bars, length=3),
            2 * up * down / (2 * down**2 + last**2 + up**2),
        ),
        "volatility_contrast": (
            indicators.volatility_contrast(bars, short=1, long=2),
            (1 - np.sqrt(0.5)) / (1 + np.sqrt(0.5)),
        ),
    }
    for name, (values, number) in expected.items():
        assert values[-1] == pytest.approx(number, rel=1e-12), name


def test_bollinger_bands_are_two_deviations_wide() -> None:
    """Closes 1 to 4 have mean 2.5 and deviation sqrt(1.25)."""
    bars, deviation = bars_of_closes([1, 2, 3, 4]), np.sqrt(1.25)
    position = (4 - (2.5 - 2 * deviation)) / (4 * deviation)
    assert indicators.bollinger_position(bars, length=4)[-1] == pytest.approx(position, rel=1e-12)
    assert indicators.bollinger_width(bars, length=4)[-1] == pytest.approx(4 * deviation / 2.5, rel=1e-12)


def test_cci_is_the_deviation_from_the_mean_in_mean_deviations() -> None:
    """Typical prices 1 to 4 have mean 2.5 and mean deviation 1."""
    rising = replace(bars_of_closes([1, 2, 3, 4]), high=np.arange(1.0, 5), low=np.arange(1.0, 5))
    assert indicators.cci(rising, length=4)[-1] == pytest.approx(1.5 / 0.015, rel=1e-12)


def test_cci_is_zero_where_prices_stand_still() -> None:
    """No price is an exception, though for many the mean of equal prices is not that price."""
    for price in np.linspace(0.1, 1, 50):
        assert indicators.cci(bars_of_closes([price] * 40), length=20)[-1] == 0


def test_candle_shape_is_measured_in_ranges() -> None:
    """A bar from 2 to 8 in a range from 0.5 to 10 has these shares."""
    bar = one_bar(2, 10, 0.5, 8)
    assert indicators.body_share(bar)[0] == pytest.approx(6 / 9.5)
    assert indicators.wick_balance(bar)[0] == pytest.approx((2 - 1.5) / 9.5)
    assert indicators.log_range(bar, length=1)[0] == pytest.approx(np.log(20))


@pytest.mark.parametrize("indicator", ALL, ids=name_of)
def test_indicators_know_neither_price_level_nor_unit_of_volume(
    indicator: Callable[[GridBars], FloatArray],
) -> None:
    """Prices times 1e-7 and volume times 1e5 leave every value."""
    bars = grid_bars(random_klines(300, seed=5))
    prices = {name: getattr(bars, name) * 1e-7 for name in ("open", "high", "low", "close")}
    np.testing.assert_allclose(
        indicator(replace(bars, **prices, volume=bars.volume * 1e5)), indicator(bars), rtol=1e-6, atol=1e-9
    )


@pytest.mark.parametrize("indicator", ALL, ids=name_of)
def test_indicators_are_neutral_where_nothing_happened(
    indicator: Callable[[GridBars], FloatArray],
) -> None:
    """Bars without movement or volume give the neutral value exactly, whatever was before them."""
    before = 100.1 * np.exp(np.cumsum(0.01 * np.random.default_rng(1).standard_normal(60)))
    closes = np.concatenate((before, np.full(60, before[-1])))
    bars = bars_of_closes(closes, volume=np.repeat([3.3, 0.0], 60))
    neutral = NEUTRAL.get(name_of(indicator), 0.0)
    assert abs(indicator(bars)[-1] - neutral) < 1e-15
