"""Stretches of bars in one row, each traded by itself: begun flat, and flat again at its last close. Pure.

Years of windows are hundreds of such stretches. What has no border in it is computed for all of them at once; only what
accumulates begins anew in each.
"""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Self

import numpy as np

from job.arrays import BoolArray, FloatArray, IntArray


@dataclass(frozen=True, kw_only=True)
class Sessions:
    """Where each stretch begins.

    Parameters
    ----------
    bounds : int64 (n_sessions + 1,), ascending: the first bar of each, and last the number of all bars.
    """

    bounds: IntArray

    @classmethod
    def of(cls, num_bars: Sequence[int]) -> Self:
        """Stretches of these lengths, each at least 1, one after the other."""
        return cls(bounds=np.cumsum([0, *num_bars]))

    def __len__(self) -> int:
        return len(self.bounds) - 1

    @property
    def first_bar(self) -> IntArray:
        """Number of the first bar of each, int64 (n_sessions,)."""
        return self.bounds[:-1]

    @property
    def last_bar(self) -> IntArray:
        """Number of the last bar of each, int64 (n_sessions,)."""
        return self.bounds[1:] - 1

    @cached_property
    def is_end(self) -> BoolArray:
        """Bool (n_bars + 1,): the bar numbers that lie one past the last bar of a stretch."""
        is_end = np.zeros(self.bounds[-1] + 1, dtype=np.bool_)
        is_end[self.bounds[1:]] = True
        return is_end

    @cached_property
    def of_bar(self) -> IntArray:
        """Number of each bar's stretch, int64 (n_bars,)."""
        return np.repeat(np.arange(len(self)), np.diff(self.bounds))

    def bars_before(self, num_bars: int) -> BoolArray:
        """Bool (n_bars,): the first ``num_bars`` bars of each stretch."""
        return np.arange(self.bounds[-1]) - self.first_bar[self.of_bar] < num_bars


def running(accumulate: np.ufunc, values: FloatArray, bounds: IntArray) -> FloatArray:
    """``accumulate`` along ``values``, float64 (n,), begun anew at each of ``bounds``, the last of which is n.

    The same bits as if each stretch were alone.
    """
    accumulated = np.empty_like(values)
    for start, end in itertools.pairwise(bounds.tolist()):
        accumulate.accumulate(values[start:end], out=accumulated[start:end])
    return accumulated
