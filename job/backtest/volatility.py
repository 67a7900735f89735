"""How much a market moves, as known at each close: what sizes and exits are measured in. Pure.

Every number is made of the bars of the last day alone, so that it is the same wherever a series of bars begins, a day
before or a year. Wilder's smoothing of the true range has an endless memory and would not be.
"""

import numpy as np

from job.arrays import FloatArray
from job.data.klines import Klines
from job.intervals import DAY_MS, interval_ms

ATR_BARS = 14
# Below half a day of returns, what is left of a day with holes says little of it.
MIN_SHARE_OF_DAY = 0.5


def relative_true_range(klines: Klines) -> FloatArray:
    """Mean true range of the last 14 bars over the close, float64 (n,).

    Notes
    -----
    Row t uses bars <= t. NaN where the 14 bars and the one before them do not all open within a day, and where none
    of them moved: a market that stands still does not say how far it will.

    References
    ----------
    Wilder, New Concepts in Technical Trading Systems, 1978: the true range; its mean here is the plain one.
    """
    num_bars = len(klines)
    relative = np.full(num_bars, np.nan)
    if num_bars <= ATR_BARS:
        return relative
    before = klines.close[:-1]
    true_range = np.maximum(klines.high[1:], before) - np.minimum(klines.low[1:], before)
    mean = np.lib.stride_tricks.sliding_window_view(true_range, ATR_BARS).mean(axis=1)
    is_known = (klines.open_time[ATR_BARS:] - klines.open_time[:-ATR_BARS] <= DAY_MS) & (mean > 0)
    relative[ATR_BARS:] = np.where(is_known, mean / klines.close[ATR_BARS:], np.nan)
    return relative


def annual_volatility(klines: Klines, *, bars_per_year: int) -> FloatArray:
    """Root mean square of the last day's log returns, times the root of the bars in a year, float64 (n,).

    Notes
    -----
    Row t uses bars <= t; only returns between neighbouring bars count. NaN where fewer than half a day of them do.
    """
    num_bars, bar_ms = len(klines), interval_ms(klines.interval)
    if not num_bars:
        return np.full(0, np.nan)
    is_step = np.append(False, np.diff(klines.open_time) == bar_ms)
    square = np.where(is_step, np.diff(np.log(klines.close), prepend=0.0) ** 2, 0.0)
    first = np.searchsorted(klines.open_time, klines.open_time - DAY_MS, side="right")
    # Sums of single windows, since differences of running sums would depend on where they began.
    edges = np.stack([first, np.arange(num_bars) + 1], axis=1).ravel()
    total = np.add.reduceat(np.append(square, 0.0), edges)[::2]
    running = np.append(0, np.cumsum(is_step))
    count = running[1:] - running[first]
    is_known = count >= MIN_SHARE_OF_DAY * DAY_MS / bar_ms
    volatility: FloatArray = np.sqrt(
        np.divide(total, count, out=np.full(num_bars, np.nan), where=is_known) * bars_per_year
    )
    return volatility


def size_for(volatility: FloatArray, *, target: float, max_size: float) -> FloatArray:
    """Position, in multiples of the account, whose own volatility would be the target's, float64 (n,).

    Parameters
    ----------
    volatility : float64 (n,), of a year, a fraction; NaN, and so is the size, where it is not known.
    target : of a year, > 0.
    max_size : never more, also where nothing moved at all.
    """
    size = np.divide(target, volatility, out=np.full(len(volatility), np.inf), where=volatility > 0)
    return np.where(np.isnan(volatility), np.nan, np.minimum(size, max_size))
