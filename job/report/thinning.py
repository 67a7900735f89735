"""Fewer points for the same line: the lowest and the highest of each stretch, so that no peak is lost. Pure."""

import itertools

import numpy as np

from job.arrays import FloatArray, IntArray

MAX_POINTS = 2_000  # more than a screen has columns


def rows_to_draw(values: FloatArray, *, max_points: int = MAX_POINTS) -> IntArray:
    """Rows of a series that draw the same picture as all of them.

    Parameters
    ----------
    values : float64 (n,), finite.
    max_points : at least 4.

    Returns
    -------
    int64 (m,), m <= max_points, ascending: the first, the last, and each stretch's lowest and highest row.
    """
    if len(values) <= max_points:
        return np.arange(len(values))
    edges = np.linspace(0, len(values), max_points // 2, dtype=np.int64)
    stretches = list(itertools.pairwise(edges))
    lowest = [start + np.argmin(values[start:end]) for start, end in stretches]
    highest = [start + np.argmax(values[start:end]) for start, end in stretches]
    return np.unique(np.array([0, *lowest, *highest, len(values) - 1]))
