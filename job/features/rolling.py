"""Sums over a rolling window, and quotients that are defined everywhere.

Sums are added up afresh for each window, in the same order for each row: nothing of a bar stays behind once
the window has passed it, equal values have exactly zero spread, and a row has the same bits however long
the series around it is. A running sum has none of the three.
"""

import numpy as np

from job.arrays import FloatArray


def rolling_sum(values: FloatArray, length: int) -> FloatArray:
    """Sum of the last ``length`` values; NaN before there are so many, or where one of them is NaN."""
    total = np.full(len(values), np.nan)
    if len(values) < length:
        return total
    inner = total[length - 1 :]
    inner[:] = values[length - 1 :]
    for lag in range(1, length):
        inner += values[length - 1 - lag : len(values) - lag]
    return total


def lagged(values: FloatArray, lag: int) -> FloatArray:
    """Values of ``lag`` rows ago; the first ``lag`` are NaN."""
    earlier = np.full(len(values), np.nan)
    earlier[lag:] = values[: max(len(values) - lag, 0)]
    return earlier


def change(values: FloatArray, length: int) -> FloatArray:
    """Difference to the value of ``length`` rows ago."""
    return values - lagged(values, length)


def mean_offset_and_spread(values: FloatArray, length: int) -> tuple[FloatArray, FloatArray]:
    """Mean of the window less the newest value, and the window's standard deviation (ddof 0).

    Taken from the newest value, because differences of equal values are exactly zero, and because the
    newest value being one of the window bounds the cancellation: the variance is at least
    offset² / (length - 1). NaN before there are so many values.
    """
    offset, spread = np.full((2, len(values)), np.nan)
    if len(values) < length:
        return offset, spread
    newest = values[length - 1 :]
    total, total_of_squares = np.zeros((2, len(newest)))
    for lag in range(1, length):
        difference = values[length - 1 - lag : len(values) - lag] - newest
        total += difference
        total_of_squares += difference * difference
    mean = offset[length - 1 :] = total / length
    spread[length - 1 :] = np.sqrt(np.maximum(total_of_squares / length - mean * mean, 0.0))
    return offset, spread


def zscore(values: FloatArray, length: int) -> FloatArray:
    """Distance of the newest value from the window's mean in standard deviations; 0 where all are equal."""
    offset, spread = mean_offset_and_spread(values, length)
    return quotient(-offset, spread)


def quotient(numerator: FloatArray, denominator: FloatArray) -> FloatArray:
    """``numerator / denominator``, and 0 where the denominator is exactly 0: nothing happened there."""
    result = np.zeros(len(numerator))
    np.divide(numerator, denominator, out=result, where=denominator != 0)
    return result


def contrast(left: FloatArray, right: FloatArray) -> FloatArray:
    """``(left - right) / (left + right)`` of two amounts >= 0: in [-1, 1], and 0 where both are 0."""
    return quotient(left - right, left + right)
