import numpy as np
import pytest
import talib

from job.data.klines import Klines
from job.pine import indicators
from tests.support.klines import random_klines

KLINES = random_klines(600, "1h")


def flat_klines(num_bars: int) -> Klines:
    """Bars at one price."""
    price = np.full(num_bars, 100.0)
    return Klines(
        interval="1h",
        open_time=KLINES.open_time[:num_bars],
        open=price,
        high=price,
        low=price,
        close=price,
        volume=price,
    )


def test_smoothing_begins_with_the_plain_mean() -> None:
    """A known number: the mean of two, then halves; what is unknown at first only moves the beginning."""
    series = np.array([np.nan, 1.0, 3.0, 4.0, 8.0])
    np.testing.assert_array_equal(indicators.smoothed(series, alpha=0.5, seed_bars=2), [np.nan, np.nan, 2.0, 3.0, 5.5])
    assert np.isnan(indicators.smoothed(series, alpha=0.5, seed_bars=5)).all()


def test_means_and_oscillators_are_ta_libs() -> None:
    """Where TA-Lib has the same seed it has the same value: EMA, Wilder's RSI and the CCI."""
    close = KLINES.close
    expected = {
        "ema": (indicators.exponential_mean(close, 20), talib.EMA(close, 20)),
        "rsi": (indicators.rsi(close, 14), talib.RSI(close, 14)),
        "cci": (indicators.cci(close), talib.CCI(close, close, close, 20)),
    }
    for name, (own, reference) in expected.items():
        np.testing.assert_allclose(own, reference, rtol=1e-8, atol=1e-8, err_msg=name)


def test_wilder_forms_agree_with_ta_lib_once_the_seed_is_forgotten() -> None:
    """Average true range and ADX begin otherwise; after 500 bars nothing is left of that."""
    high, low, close = KLINES.high, KLINES.low, KLINES.close
    own = indicators.wilder_mean(indicators.true_range(KLINES), 10)
    np.testing.assert_allclose(own[500:], talib.ATR(high, low, close, 10)[500:], rtol=1e-9)
    np.testing.assert_allclose(indicators.adx(KLINES)[500:], talib.ADX(high, low, close, 20)[500:], atol=1e-6)


def test_wave_trend_is_that_of_ta_libs_means() -> None:
    """Three exponential means and a simple one, as TA-Lib has them."""
    price = KLINES.close
    offset = price - talib.EMA(price, 10)
    wave = talib.EMA(offset / (0.015 * talib.EMA(np.abs(offset), 10)), 11)
    np.testing.assert_allclose(indicators.wave_trend(price), wave - talib.SMA(wave, 4), atol=1e-8)


def test_slope_excess_is_that_of_the_recursion_bar_by_bar() -> None:
    """The filter in scalars: an adaptive mean of the price, and its slope against the slope's own mean."""
    price = (KLINES.open + KLINES.high + KLINES.low + KLINES.close) / 4
    move, width, adaptive, usual, expected = 0.0, 0.0, price[0], np.nan, [np.nan]
    width = 0.1 * (KLINES.high[0] - KLINES.low[0])
    for bar in range(1, len(price)):
        move = 0.2 * (price[bar] - price[bar - 1]) + 0.8 * move
        width = 0.1 * (KLINES.high[bar] - KLINES.low[bar]) + 0.8 * width
        ratio = abs(move / width)
        gain = (-(ratio**2) + (ratio**4 + 16 * ratio**2) ** 0.5) / 8
        before, adaptive = adaptive, gain * price[bar] + (1 - gain) * adaptive
        slope = abs(adaptive - before)
        usual = slope if bar == 1 else 2 / 201 * slope + (1 - 2 / 201) * usual
        expected.append((slope - usual) / usual)
    np.testing.assert_allclose(indicators.slope_excess(KLINES), expected, rtol=1e-7, atol=1e-9)


def test_features_lie_between_zero_and_one() -> None:
    """Each is scaled; extremes since the start are reached."""
    features = indicators.pine_features(KLINES)
    known = features[np.isfinite(features).all(axis=1)]
    assert len(known) > 500
    assert known.min() >= 0
    assert known.max() <= 1
    assert np.isfinite(features[40:]).all()


def test_features_of_a_bar_come_from_bars_up_to_it() -> None:
    """Later bars change nothing."""
    early = KLINES.select(slice(0, 300))
    np.testing.assert_array_equal(indicators.pine_features(early), indicators.pine_features(KLINES)[:300])
    np.testing.assert_array_equal(indicators.is_moving(early), indicators.is_moving(KLINES)[:300])


def test_a_market_that_stands_still_has_finite_features_and_is_not_moving() -> None:
    """Nought over nought is nought, and no later bar is spoiled by it."""
    features = indicators.pine_features(flat_klines(100))
    assert np.isfinite(features[40:]).all()
    assert features[-1, 0] == pytest.approx(1.0)  # the RSI of a price that never fell
    assert not indicators.is_moving(flat_klines(100)).any()
