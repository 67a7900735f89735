from dataclasses import replace

import numpy as np
import pytest
import talib

from job.features import recursive_indicators as recursive
from job.features.recursive_indicators import ema_decay, memory_bars, wilder_decay
from tests.support.features import bars_of_closes, grid_bars
from tests.support.klines import random_klines


def test_memory_bars_is_where_the_weight_of_the_past_has_fallen() -> None:
    """Wilder's mean of 14 leaves (13/14)^n: 218 bars to 1e-7, and a second stage takes longer."""
    assert memory_bars(wilder_decay(14)) == int(np.ceil(np.log(1e-7) / np.log(13 / 14))) == 218
    assert memory_bars(ema_decay(3)) == 24  # 0.5^24 = 6e-8
    assert memory_bars(0.5, stages=2) == 29  # 30 * 0.5^29 = 5.6e-8


@pytest.mark.parametrize("stages", [1, 2, 3])
def test_memory_bars_is_true_of_a_cascade_of_means(stages: int) -> None:
    """After so many bars an old step is forgotten to 1e-7 by that many exponential means in a row."""
    num_bars = memory_bars(ema_decay(9), stages=stages)
    values = np.concatenate((np.ones(400), np.zeros(num_bars)))
    for _ in range(stages):
        values = talib.EMA(values, 9)
    assert 0 < values[-1] <= 1.01e-7
    assert values[-2] > 1e-7 / 2


def test_rsi_is_wilders_worked_out_by_hand() -> None:
    """Moves +2 and -1 as seed, then +3, at length 2: gains 2.0, losses 0.25."""
    rsi = recursive.rsi(bars_of_closes([10, 12, 11, 14]), length=2)
    assert np.isnan(rsi[:2]).all()
    assert rsi[2] == pytest.approx(100 * 1.0 / 1.5)
    assert rsi[3] == pytest.approx(100 * 2.0 / 2.25)


def test_rsi_is_that_of_talib_and_50_where_nothing_moved() -> None:
    """Taken from CMO it equals TA-Lib's RSI, but for its 0 where nothing moved."""
    bars = grid_bars(random_klines(300, seed=3))
    np.testing.assert_allclose(recursive.rsi(bars, length=14), talib.RSI(bars.close, 14), rtol=1e-10)
    assert recursive.rsi(bars_of_closes([7.0] * 40), length=14)[-1] == 50


def test_wave_trend_equals_its_definition() -> None:
    """A plain loop over the published formula gives the same values."""

    def ema(values: np.ndarray, length: int) -> np.ndarray:
        smooth, alpha = np.full(len(values), np.nan), 2 / (length + 1)
        first = int(np.argmax(np.isfinite(values))) + length - 1
        smooth[first] = values[first - length + 1 : first + 1].mean()
        for row in range(first + 1, len(values)):
            smooth[row] = smooth[row - 1] + alpha * (values[row] - smooth[row - 1])
        return smooth

    bars = grid_bars(random_klines(200, seed=4))
    typical = (bars.high + bars.low + bars.close) / 3
    mean = ema(typical, 10)
    index = (typical - mean) / (0.015 * ema(np.abs(typical - mean), 10))
    expected = ema(index, 11)
    wave = recursive.wave_trend(bars, channel=10, average=11)
    np.testing.assert_allclose(wave[60:], expected[60:], rtol=1e-9)
    cross = recursive.wave_trend_cross(bars, channel=10, average=11, signal=4)
    assert cross[-1] == pytest.approx(expected[-1] - expected[-4:].mean(), rel=1e-8)


def test_macd_of_a_straight_line_is_the_difference_of_the_lags() -> None:
    """On a line of slope 1 an exponential mean of n lags (n - 1) / 2 behind."""
    bars = bars_of_closes(np.arange(1000.0, 2000.0))
    line = recursive.macd_line(bars, fast=12, slow=26, signal=9)
    assert line[-1] * bars.close[-1] == pytest.approx((26 - 12) / 2)
    assert recursive.macd_histogram(bars, fast=12, slow=26, signal=9)[-1] == pytest.approx(0, abs=1e-12)


def test_trend_indicators_of_a_straight_rise_are_at_their_ends() -> None:
    """A rise without a single fall has ADX 100, balance 1 and RSI 100; a fall mirrors all but ADX."""
    rise = bars_of_closes(np.arange(100.0, 400.0))
    fall = bars_of_closes(np.arange(400.0, 100.0, -1.0))
    assert recursive.adx(rise, length=20)[-1] == pytest.approx(100)
    assert recursive.adx(fall, length=20)[-1] == pytest.approx(100)
    assert recursive.directional_balance(rise, length=20)[-1] == pytest.approx(1)
    assert recursive.directional_balance(fall, length=20)[-1] == pytest.approx(-1)
    assert recursive.rsi(rise, length=9)[-1] == pytest.approx(100)
    assert recursive.average_true_range(rise, length=14)[-1] == pytest.approx(1 / 399)


def test_ewm_volatility_contrast_follows_the_faster_mean() -> None:
    """Calm after storm is negative, storm after calm positive, constant volatility zero."""
    calm, storm = np.tile([0.001, -0.001], 50), np.tile([0.01, -0.01], 50)

    def contrast_after(returns: np.ndarray) -> float:
        bars = bars_of_closes(np.exp(np.cumsum(returns)))
        return float(recursive.ewm_volatility_contrast(bars, short=12, long=48)[-1])

    assert contrast_after(np.concatenate((calm, storm[:20]))) > 0.1
    assert contrast_after(np.concatenate((storm, calm[:20]))) < -0.1
    assert contrast_after(calm) == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize("factor", [1e-15, 1e9])
def test_recursive_indicators_know_no_price_level(factor: float) -> None:
    """A coin at 1e-13 has the indicators of one at 100, though TA-Lib rounds moves to zero."""
    bars = grid_bars(random_klines(400, seed=6))
    prices = {name: getattr(bars, name) * factor for name in ("open", "high", "low", "close")}
    scaled = replace(bars, **prices)
    for compute in (
        lambda b: recursive.rsi(b, length=14),
        lambda b: recursive.adx(b, length=20),
        lambda b: recursive.directional_balance(b, length=20),
        lambda b: recursive.average_true_range(b, length=14),
        lambda b: recursive.macd_line(b, fast=12, slow=26, signal=9),
        lambda b: recursive.wave_trend(b, channel=10, average=11),
    ):
        np.testing.assert_allclose(compute(scaled), compute(bars), rtol=1e-6, atol=1e-9)
