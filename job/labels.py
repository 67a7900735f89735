"""What is forecast: for each bar, a question with two answers, up (1) or down (0). Pure.

Labels that are traded ask about the price that a trade would meet: a decision at the close of bar t is filled at the
open of bar t+1, so they start there. Two others are kept for what can be learned from them. `volatility_labels` ask
how much the market will move, which has no side; `pine_labels` repeat the published indicator's, which ask about a
move that is over.

A label carries the moment at which it became known; purging rests on it, and nothing after that moment touches the
label. One that crosses more than one missing bar in a row is dropped, and so is one that the data do not reach far
enough to settle.
"""

from dataclasses import dataclass, replace

import numpy as np

from job.arrays import BoolArray, FloatArray, IntArray
from job.data.klines import Klines
from job.intervals import DAY_MS, interval_ms

UNKNOWN_MS = np.iinfo(np.int64).max
PINE_LABEL_BARS = 4  # of the indicator, whatever its chart's interval


@dataclass(frozen=True, kw_only=True)
class Labels:
    """One label a bar.

    Parameters
    ----------
    up : float64 (n,), 1 up, 0 down, NaN where there is none.
    end_ms : int64 (n,), when the label became known; `UNKNOWN_MS` where there is none.
    reach_ms : how long before its decision the interval of a label begins; 0 for labels that look ahead only.
    """

    up: FloatArray
    end_ms: IntArray
    reach_ms: int = 0


def fixed_labels(klines: Klines, *, horizon_bars: int) -> Labels:
    """Up where the open of bar t+1+h is above the open of bar t+1."""
    entry, exit_ = _ahead(klines.open, 1), _ahead(klines.open, 1 + horizon_bars)
    end_ms = _ahead_int(klines.open_time, 1 + horizon_bars)
    is_known = np.isfinite(exit_) & ~_crosses_gap(klines, 1 + horizon_bars)
    return _labels(up=exit_ > entry, end_ms=end_ms, is_known=is_known)


def triple_barrier_labels(klines: Klines, *, horizon_bars: int, width: FloatArray) -> Labels:
    """Which of two equally distant barriers the price meets first, within the horizon.

    Up where the upper barrier ``entry * (1 + width)`` is met first, down where the lower one is. Where a bar opens
    beyond a barrier, that one; where one bar holds both, the side of its close, since which came first is not in
    the data and either fixed answer would bend the class balance (trades, unlike labels, assume the worse). Where
    neither is met, the side of the open of bar t+1+h.

    Parameters
    ----------
    width : float64 (n,)
        Relative distance of the barriers, known at the close of bar t; NaN gives no label.

    References
    ----------
    Lopez de Prado, Advances in Financial Machine Learning, 3.4.
    """
    entry = _ahead(klines.open, 1)
    upper, lower = entry * (1 + width), entry * (1 - width)
    up = np.full(len(klines), np.nan)
    end_ms = np.full(len(klines), UNKNOWN_MS)
    close_ms = klines.available_at
    for step in range(1, horizon_bars + 1):
        opened, high, low, close = (
            _ahead(column, step) for column in (klines.open, klines.high, klines.low, klines.close)
        )
        meets_upper, meets_lower = high >= upper, low <= lower
        is_first = np.isnan(up) & (meets_upper | meets_lower) & ~_crosses_gap(klines, step)
        both = np.where(opened >= upper, True, np.where(opened <= lower, False, close > entry))
        side = np.where(meets_upper & meets_lower, both, meets_upper)
        up[is_first] = side[is_first]
        end_ms[is_first] = _ahead_int(close_ms, step)[is_first]
    timeout = fixed_labels(klines, horizon_bars=horizon_bars)
    is_open = np.isnan(up)
    up[is_open], end_ms[is_open] = timeout.up[is_open], timeout.end_ms[is_open]
    is_known = np.isfinite(up) & np.isfinite(width)
    return _labels(up=up > 0, end_ms=end_ms, is_known=is_known)


def volatility_labels(klines: Klines, *, horizon_bars: int) -> Labels:
    """Whether the market will move more than it did: up where the mean square return of the next bars is the larger.

    The returns of the closes t+1 .. t+h, measured from the close of bar t, are held against those of the day that
    ends with it: what somebody would expect who knows nothing but the last day. Both sides of a move count alike, so
    the answer says how far, never which way.

    Parameters
    ----------
    horizon_bars : int, h.

    Notes
    -----
    Known at the close of bar t+h. None until a whole day of bars has passed.
    """
    past, future = _daily_mean_square(klines), np.full(len(klines), np.nan)
    if len(klines) > horizon_bars:
        squares = np.diff(np.log(klines.close)) ** 2
        future[:-horizon_bars] = np.lib.stride_tricks.sliding_window_view(squares, horizon_bars).mean(axis=1)
    is_known = np.isfinite(past) & np.isfinite(future) & ~_crosses_gap(klines, horizon_bars)
    return _labels(up=future > past, end_ms=_ahead_int(klines.available_at, horizon_bars), is_known=is_known)


def pine_labels(klines: Klines) -> Labels:
    """The published indicator's own label: up where the close lies below that of four bars ago, a past move inverted.

    It looks at nothing after its bar: known at the decision itself, it can be computed instead of forecast. Its
    interval is the four bars up to the decision, which is what neighbours in time share of it.

    Notes
    -----
    None where the two closes are equal, which the indicator counts as no vote, and where one of the bars between
    them is missing, so that no interval is longer than ``reach_ms``.

    References
    ----------
    jdehorty, Machine Learning: Lorentzian Classification (TradingView), ``y_train_series``.
    """
    reach_ms = PINE_LABEL_BARS * interval_ms(klines.interval)
    before, began_ms = np.full(len(klines), np.nan), np.full(len(klines), -UNKNOWN_MS)
    before[PINE_LABEL_BARS:] = klines.close[:-PINE_LABEL_BARS]
    began_ms[PINE_LABEL_BARS:] = klines.open_time[:-PINE_LABEL_BARS]
    is_known = np.isfinite(before) & (before != klines.close) & (klines.open_time - reach_ms == began_ms)
    labels = _labels(up=klines.close < before, end_ms=klines.available_at, is_known=is_known)
    return replace(labels, reach_ms=reach_ms)


def barrier_width(klines: Klines, *, horizon_bars: int, floor: float) -> FloatArray:
    """One standard deviation of the horizon's return: root mean square of a day's bar returns, times sqrt(h).

    Parameters
    ----------
    floor : float
        Least width; a move that costs would eat is no target.

    Returns
    -------
    float64 (n,), NaN until a whole day of bars has passed.
    """
    return np.maximum(np.sqrt(_daily_mean_square(klines) * horizon_bars), floor)


def _daily_mean_square(klines: Klines) -> FloatArray:
    """Mean square log return of the last day of bars, float64 (n,); NaN until a whole day of bars has passed."""
    per_day = DAY_MS // interval_ms(klines.interval)
    daily = np.full(len(klines), np.nan)
    if len(klines) > per_day:
        squares = np.diff(np.log(klines.close)) ** 2
        daily[per_day:] = np.lib.stride_tricks.sliding_window_view(squares, per_day).mean(axis=1)
    return daily


def _labels(*, up: BoolArray, end_ms: IntArray, is_known: BoolArray) -> Labels:
    return Labels(up=np.where(is_known, up.astype(np.float64), np.nan), end_ms=np.where(is_known, end_ms, UNKNOWN_MS))


def _ahead(column: FloatArray, steps: int) -> FloatArray:
    """The value ``steps`` bars later, NaN past the end."""
    shifted = np.full(len(column), np.nan)
    shifted[: max(0, len(column) - steps)] = column[steps:]
    return shifted


def _ahead_int(column: IntArray, steps: int) -> IntArray:
    shifted = np.full(len(column), UNKNOWN_MS)
    shifted[: max(0, len(column) - steps)] = column[steps:]
    return shifted


def _crosses_gap(klines: Klines, steps: int) -> BoolArray:
    """Whether more than one bar is missing in a row between bar t and bar t + steps."""
    is_hole = np.diff(klines.open_time) > 2 * interval_ms(klines.interval)
    holes_before = np.concatenate([[0], np.cumsum(is_hole)])
    last = np.minimum(np.arange(len(klines)) + steps, len(klines) - 1)
    crossed: BoolArray = holes_before[last] > holes_before
    return crossed
