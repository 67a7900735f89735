"""Indicators of one market with a finite window: they forget a bar entirely once it has left the window.

Each takes `GridBars` and returns float64 (n,), row t from bars <= t, NaN before the window is full. None
depends on the price level or on the unit of volume. Where nothing moved or nothing was traded a quotient of
0 and 0 is the neutral value of the indicator. Works on any bar length, so also on longer intervals.
"""

import numpy as np

from job.arrays import FloatArray
from job.features import ta_lib as talib
from job.features.grid import GridBars
from job.features.rolling import (
    change,
    contrast,
    lagged,
    mean_offset_and_spread,
    quotient,
    rolling_sum,
    zscore,
)


def log_return(bars: GridBars, *, length: int, lag: int = 0) -> FloatArray:
    """Log return of the close over ``length`` bars, as it was ``lag`` bars ago."""
    return lagged(change(bars.log_close, length), lag)


def log_range(bars: GridBars, *, length: int) -> FloatArray:
    """Logarithm of highest high over lowest low."""
    if length == 1:  # TA-Lib's shortest window is 2
        return np.log(bars.high / bars.low)
    return np.log(talib.MAX(bars.high, length) / talib.MIN(bars.low, length))


def body_share(bars: GridBars) -> FloatArray:
    """Close less open, as a share of the bar's range: 1 is a full rising candle."""
    return quotient(bars.close - bars.open, bars.high - bars.low)


def wick_balance(bars: GridBars) -> FloatArray:
    """Upper less lower wick, as a share of the bar's range: 1 is all upper wick."""
    upper = bars.high - np.maximum(bars.open, bars.close)
    lower = np.minimum(bars.open, bars.close) - bars.low
    return quotient(upper - lower, bars.high - bars.low)


def channel_position(bars: GridBars, *, length: int) -> FloatArray:
    """Where the close stands between lowest low (-1) and highest high (1)."""
    highest, lowest = talib.MAX(bars.high, length), talib.MIN(bars.low, length)
    return quotient((bars.close - lowest) - (highest - bars.close), highest - lowest)


def bollinger_position(bars: GridBars, *, length: int) -> FloatArray:
    """Bollinger's %b with bands at two standard deviations: 0 at the lower, 1 at the upper band."""
    return 0.5 + zscore(bars.close, length) / 4


def bollinger_width(bars: GridBars, *, length: int) -> FloatArray:
    """Distance between the bands at two standard deviations, over their middle."""
    offset, spread = mean_offset_and_spread(bars.close, length)
    return 4 * spread / (bars.close + offset)


def mean_rsi(bars: GridBars, *, length: int) -> FloatArray:
    """RSI from simple means (Cutler's form), 0 to 100; 50 where nothing moved."""
    move = change(bars.close, 1)
    gain = rolling_sum(np.maximum(move, 0), length)
    loss = rolling_sum(np.maximum(-move, 0), length)
    return 50 + 50 * contrast(gain, loss)


def mean_true_range(bars: GridBars, *, length: int) -> FloatArray:
    """Simple mean of the true range, over the close."""
    before = lagged(bars.close, 1)
    true_range = np.maximum(bars.high, before) - np.minimum(bars.low, before)
    return rolling_sum(true_range, length) / length / bars.close


def mean_crossover(bars: GridBars, *, short: int, long: int) -> FloatArray:
    """Logarithm of the short over the long simple mean of the close."""
    return np.log(rolling_sum(bars.close, short) / short * long / rolling_sum(bars.close, long))


def cci(bars: GridBars, *, length: int) -> FloatArray:
    """Commodity channel index of the typical price; 0 where it did not move."""
    typical = talib.TYPPRICE(bars.high, bars.low, bars.close)
    # TA-Lib before 0.8 divides rounding errors by each other where all prices are equal.
    is_still = talib.MAX(typical, length) == talib.MIN(typical, length)
    return np.where(is_still, 0.0, talib.CCI(bars.high, bars.low, bars.close, length))


def volume_zscore(bars: GridBars, *, length: int) -> FloatArray:
    """Z-score of the root of the volume: the root tames the tail and is defined for zero volume."""
    return zscore(np.sqrt(bars.volume), length)


def volume_contrast(bars: GridBars, *, short: int, long: int) -> FloatArray:
    """Contrast of the mean volume of a short against a long window."""
    return contrast(rolling_sum(bars.volume, short) / short, rolling_sum(bars.volume, long) / long)


def volume_balance(bars: GridBars, *, length: int) -> FloatArray:
    """Volume of rising less volume of falling bars, as a share of all volume."""
    signed = bars.volume * np.sign(bars.log_return)
    return quotient(rolling_sum(signed, length), rolling_sum(bars.volume, length))


def volatility_contrast(bars: GridBars, *, short: int, long: int) -> FloatArray:
    """Contrast of the root mean square return of a short against a long window."""
    squares = np.square(bars.log_return)
    return contrast(np.sqrt(rolling_sum(squares, short) / short), np.sqrt(rolling_sum(squares, long) / long))


def semivariance_contrast(bars: GridBars, *, length: int) -> FloatArray:
    """Contrast of the squared rises against the squared falls."""
    rises = np.square(np.maximum(bars.log_return, 0))
    falls = np.square(np.minimum(bars.log_return, 0))
    return contrast(rolling_sum(rises, length), rolling_sum(falls, length))


def trend_efficiency(bars: GridBars, *, length: int) -> FloatArray:
    """Net move over the path walked (Kaufman's ratio with its sign): 1 is a straight rise."""
    return quotient(change(bars.log_close, length), rolling_sum(np.abs(bars.log_return), length))


def autocorrelation(bars: GridBars, *, length: int) -> FloatArray:
    """Correlation of returns with those one bar before, around zero, in [-1, 1]."""
    before = lagged(bars.log_return, 1)
    products = rolling_sum(bars.log_return * before, length)
    squares = bars.return_products(bars, length) + rolling_sum(np.square(before), length)
    return quotient(2 * products, squares)
