"""Indicators that smooth recursively: they forget a bar only by and by, and so need a stated memory.

Each takes `GridBars` and returns float64 (n,), row t from bars <= t, NaN before TA-Lib has its seed.
`memory_bars` says after how many bars what came before no longer counts.
"""

from dataclasses import dataclass
from math import comb

import numpy as np

from job.arrays import FloatArray
from job.features import ta_lib as talib
from job.features.grid import GridBars
from job.features.rolling import contrast, quotient

FORGOTTEN = 1e-7  # weight of the past that may be left: ten times below the 1e-6 that is checked


def memory_bars(decay: float, *, stages: int = 1) -> int:
    """Bars until a cascade of ``stages`` equal exponential means has forgotten its past.

    After n bars the past weighs as much as the chance of fewer than ``stages`` successes in n draws that
    each succeed with probability 1 - ``decay``.
    """
    num_bars = stages
    while _weight_of_past(num_bars, decay, stages) > FORGOTTEN:
        num_bars += 1
    return num_bars


def _weight_of_past(num_bars: int, decay: float, stages: int) -> float:
    return sum(comb(num_bars, step) * (1 - decay) ** step * decay ** (num_bars - step) for step in range(stages))


def wilder_decay(length: int) -> float:
    """What one bar leaves of Wilder's mean."""
    return 1 - 1 / length


def ema_decay(length: int) -> float:
    """What one bar leaves of an exponential mean."""
    return 1 - 2 / (length + 1)


@dataclass(frozen=True, kw_only=True)
class _Prices:
    high: FloatArray
    low: FloatArray
    close: FloatArray


def _scaled(bars: GridBars) -> _Prices:
    """Prices near a million: TA-Lib before 0.8 takes moves below 1e-14 for none, and some coins cost 1e-8.

    The factor is a power of two, so that no digit changes.
    """
    _, exponent = np.frexp(bars.close[0])
    factor = np.ldexp(1.0, 20 - int(exponent))
    return _Prices(high=bars.high * factor, low=bars.low * factor, close=bars.close * factor)


def rsi(bars: GridBars, *, length: int) -> FloatArray:
    """Wilder's RSI, 0 to 100; 50 where nothing moved.

    TA-Lib's RSI is 0 where nothing moved; its CMO has the same smoothing, centred on 0.
    """
    result: FloatArray = 50 + talib.CMO(_scaled(bars).close, length) / 2
    return result


def average_true_range(bars: GridBars, *, length: int) -> FloatArray:
    """Wilder's average true range, over the close."""
    prices = _scaled(bars)
    result: FloatArray = talib.ATR(prices.high, prices.low, prices.close, length) / prices.close
    return result


def adx(bars: GridBars, *, length: int) -> FloatArray:
    """Wilder's average directional index, 0 to 100."""
    prices = _scaled(bars)
    result: FloatArray = talib.ADX(prices.high, prices.low, prices.close, length)
    return result


def directional_balance(bars: GridBars, *, length: int) -> FloatArray:
    """Contrast of Wilder's upward against downward movement: the signed form of his DX."""
    prices = _scaled(bars)
    upward = talib.PLUS_DM(prices.high, prices.low, length)
    return contrast(upward, talib.MINUS_DM(prices.high, prices.low, length))


def macd_line(bars: GridBars, *, fast: int, slow: int, signal: int) -> FloatArray:
    """MACD's line, over the close."""
    line, _, _ = talib.MACD(bars.close, fast, slow, signal)
    result: FloatArray = line / bars.close
    return result


def macd_histogram(bars: GridBars, *, fast: int, slow: int, signal: int) -> FloatArray:
    """MACD's line less its signal line, over the close."""
    _, _, histogram = talib.MACD(bars.close, fast, slow, signal)
    result: FloatArray = histogram / bars.close
    return result


def wave_trend(bars: GridBars, *, channel: int, average: int) -> FloatArray:
    """LazyBear's WaveTrend: typical price against its mean, in mean deviations, smoothed."""
    typical = (bars.high + bars.low + bars.close) / 3
    offset = typical - talib.EMA(typical, channel)
    deviation = talib.EMA(np.abs(offset), channel)
    result: FloatArray = talib.EMA(quotient(offset, 0.015 * deviation), average)
    return result


def wave_trend_cross(bars: GridBars, *, channel: int, average: int, signal: int) -> FloatArray:
    """WaveTrend less its simple mean."""
    trend = wave_trend(bars, channel=channel, average=average)
    result: FloatArray = trend - talib.SMA(trend, signal)
    return result


def ewm_volatility_contrast(bars: GridBars, *, short: int, long: int) -> FloatArray:
    """Contrast of a fast against a slow exponentially weighted volatility."""
    squares = np.square(bars.log_return)
    return contrast(np.sqrt(talib.EMA(squares, short)), np.sqrt(talib.EMA(squares, long)))
