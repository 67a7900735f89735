"""The indicator's five features and two filters, seeded and scaled as TradingView does.

Every function takes and returns float64 (n,) in time order, row t from bars <= t, NaN before it has its seed. Where
nothing moved and TradingView divides 0 by 0, the result is 0 (RSI: 100), so that one flat bar spoils no later one.

References: jdehorty's indicator and its `MLExtensions` library (v2); WaveTrend is LazyBear's; the regime filter
smooths like Ehlers' optimal tracking filter.
"""

from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from job.arrays import BoolArray, FloatArray
from job.data.klines import Klines

WAVE_CHANNEL, WAVE_AVERAGE, WAVE_SIGNAL = 10, 11, 4
CCI_LENGTH = 20
ADX_LENGTH = 20
FAST_ATR, SLOW_ATR = 1, 10
SLOPE_MEMORY = 200
LEAST_SLOPE = -0.1  # a tenth below its own mean still counts as trending
SMALLEST_RANGE = 1e-9


def pine_features(klines: Klines) -> FloatArray:
    """RSI(14), WaveTrend(10, 11), CCI(20), ADX(20) and RSI(9), each on a scale of 0 to 1.

    WaveTrend and CCI are scaled by their lowest and highest value since the first bar of ``klines``.

    Returns
    -------
    float64 (n, 5), NaN rows until the last of them has its seed.
    """
    typical = (klines.high + klines.low + klines.close) / 3
    return np.stack(
        [
            rsi(klines.close, 14) / 100,
            since_start(wave_trend(typical)),
            since_start(cci(klines.close)),
            adx(klines) / 100,
            rsi(klines.close, 9) / 100,
        ],
        axis=1,
    )


def is_moving(klines: Klines) -> BoolArray:
    """The indicator's default filters: the bar is wider than its mean, and the trend's slope is not below its own."""
    ranges = true_range(klines)
    return (wilder_mean(ranges, FAST_ATR) > wilder_mean(ranges, SLOW_ATR)) & (slope_excess(klines) >= LEAST_SLOPE)


def rsi(price: FloatArray, length: int) -> FloatArray:
    """Wilder's RSI, 0 to 100; 100 where nothing fell."""
    move = np.diff(price, prepend=np.nan)
    rise, fall = wilder_mean(np.maximum(move, 0), length), wilder_mean(np.maximum(-move, 0), length)
    return 100 - 100 * _quotient(fall, rise + fall)


def wave_trend(price: FloatArray) -> FloatArray:
    """WaveTrend less its simple mean over four bars."""
    offset = price - exponential_mean(price, WAVE_CHANNEL)
    deviation = exponential_mean(np.abs(offset), WAVE_CHANNEL)
    wave = exponential_mean(_quotient(offset, 0.015 * deviation), WAVE_AVERAGE)
    cross: FloatArray = wave - _rolling(wave, WAVE_SIGNAL).mean(axis=1)
    return cross


def cci(price: FloatArray) -> FloatArray:
    """Commodity channel index of ``price``."""
    window = _rolling(price, CCI_LENGTH)
    middle = window.mean(axis=1)
    deviation = np.abs(window - middle[:, None]).mean(axis=1)
    return _quotient(price - middle, 0.015 * deviation)


def adx(klines: Klines) -> FloatArray:
    """Average directional index, 0 to 100, whose first bar is compared with prices of 0."""
    high, low = klines.high, klines.low
    rise, fall = high - _before(high), _before(low) - low
    smoothed_up = _wilder_sum(np.where(rise > fall, np.maximum(rise, 0), 0))
    smoothed_down = _wilder_sum(np.where(fall > rise, np.maximum(fall, 0), 0))
    # The true range, by which both are divided, cancels out.
    index = 100 * _quotient(np.abs(smoothed_up - smoothed_down), smoothed_up + smoothed_down)
    return wilder_mean(index, ADX_LENGTH)


def slope_excess(klines: Klines) -> FloatArray:
    """Slope of an adaptive mean of the price against the slope's own mean: 0 is as steep as usual."""
    price = (klines.open + klines.high + klines.low + klines.close) / 4
    move = _filtered([0.2], [1, -0.8], np.diff(price, prepend=price[:1]))
    width = _filtered([0.1], [1, -0.8], klines.high - klines.low)
    ratio = _quotient(np.abs(move), width)
    gain = (-np.square(ratio) + np.sqrt(ratio**4 + 16 * np.square(ratio))) / 8
    adaptive = price.copy()
    for bar in range(1, len(price)):
        adaptive[bar] = gain[bar] * price[bar] + (1 - gain[bar]) * adaptive[bar - 1]
    slope = np.abs(np.diff(adaptive, prepend=np.nan))
    usual = smoothed(slope, alpha=2 / (SLOPE_MEMORY + 1), seed_bars=1)
    return _quotient(slope - usual, usual)


def true_range(klines: Klines) -> FloatArray:
    """Range of the bar and the close before it."""
    before = np.concatenate((klines.close[:1], klines.close[:-1]))
    return np.maximum(klines.high, before) - np.minimum(klines.low, before)


def since_start(series: FloatArray) -> FloatArray:
    """``series`` between its lowest (0) and highest (1) value so far."""
    lowest, highest = np.fmin.accumulate(series), np.fmax.accumulate(series)
    place: FloatArray = (series - lowest) / np.maximum(highest - lowest, SMALLEST_RANGE)
    return place


def exponential_mean(series: FloatArray, length: int) -> FloatArray:
    """TradingView's `ta.ema`."""
    return smoothed(series, alpha=2 / (length + 1), seed_bars=length)


def wilder_mean(series: FloatArray, length: int) -> FloatArray:
    """TradingView's `ta.rma`."""
    return smoothed(series, alpha=1 / length, seed_bars=length)


def smoothed(series: FloatArray, *, alpha: float, seed_bars: int) -> FloatArray:
    """Exponential mean that begins as the plain mean of the first ``seed_bars`` known values."""
    result = np.full(len(series), np.nan)
    first = int(np.isnan(series).sum())  # unknown values come first, never between
    seed = first + seed_bars - 1
    if seed >= len(series):
        return result
    start = series[first : seed + 1].mean()
    result[seed] = start
    if seed + 1 < len(series):
        result[seed + 1 :], _ = _filtered([alpha], [1, alpha - 1], series[seed + 1 :], zi=[(1 - alpha) * start])
    return result


def _filtered(numerator: list[float], denominator: list[float], series: FloatArray, **state: Any) -> Any:
    """What `scipy.signal.lfilter` makes of it, which takes a second to import: only when the indicator is asked."""
    from scipy.signal import lfilter

    return lfilter(numerator, denominator, series, **state)


def _wilder_sum(series: FloatArray) -> FloatArray:
    summed: FloatArray = _filtered([1.0], [1, 1 / ADX_LENGTH - 1], series)
    return summed


def _before(series: FloatArray) -> FloatArray:
    return np.concatenate(([0.0], series[:-1]))


def _rolling(series: FloatArray, length: int) -> FloatArray:
    """The last ``length`` values of each bar, (n, length), NaN before there are so many."""
    padded: FloatArray = np.concatenate((np.full(length - 1, np.nan), series))
    return sliding_window_view(padded, length)


def _quotient(numerator: FloatArray, denominator: FloatArray) -> FloatArray:
    is_zero = denominator == 0
    return np.where(is_zero, 0.0, numerator / np.where(is_zero, 1.0, denominator))
