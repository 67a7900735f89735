"""What is asked of the market at each close: a side, a size, and the orders that rest in it behind the fill. Pure.

A signal is an unbroken run of closes that ask for one side. It is worth one trade at most: size, stop and target are
those of its first close at which they are known, nothing is rebalanced inside a trade, and after a stop-loss, a
take-profit or a time exit nothing is entered again before another side, or none, has been asked for.
"""

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from job.arrays import BoolArray, FloatArray, IntArray
from job.backtest.sessions import Sessions


@dataclass(frozen=True, kw_only=True)
class Terms:
    """The terms of an order decided at each close, the same whoever decides.

    Parameters
    ----------
    size : float64 (n,), notional of an entry in multiples of the account, >= 0.
    stop : float64 (n,), distance of the stop-loss from the open of the entry, as a fraction of it, > 0; inf for none.
    take : float64 (n,), distance of the take-profit, likewise.

    Notes
    -----
    NaN is what is not known yet; no trade is begun on it.

    Raises
    ------
    ValueError
        If a size or distance is out of range, or shapes differ.
    """

    size: FloatArray
    stop: FloatArray
    take: FloatArray

    def __post_init__(self) -> None:
        if not self.size.shape == self.stop.shape == self.take.shape == (len(self.size),):
            raise ValueError("size, stop and take do not have one element a bar")
        if (self.size < 0).any() or (self.size == np.inf).any():
            raise ValueError("a size is negative or infinite")
        if (self.stop <= 0).any() or (self.take <= 0).any():
            raise ValueError("a distance of a stop-loss or take-profit is not above 0")

    @classmethod
    def whole_account(cls, num_bars: int) -> Self:
        """All of the account, and no exit but the signal's own."""
        none = np.full(num_bars, np.inf)
        return cls(size=np.ones(num_bars), stop=none, take=none)

    def without_exits(self) -> Self:
        """The same sizes, and no exit but the signal's own."""
        none = np.full(len(self.size), np.inf)
        return replace(self, stop=none, take=none)

    @cached_property
    def unknown(self) -> BoolArray | None:
        """Bool (n,), where nothing can be ordered; None where it always can."""
        unknown = ~((self.size > 0) & (self.stop > 0) & (self.take > 0))
        return unknown if unknown.any() else None

    @cached_property
    def have_exits(self) -> bool:
        """Whether any order has a stop-loss or a take-profit."""
        return bool((np.isfinite(self.stop) | np.isfinite(self.take)).any())

    def delayed(self, num_bars: int, sessions: Sessions) -> Self:
        """The terms of ``num_bars`` before; the first of each stretch are not known."""
        is_missing = sessions.bars_before(num_bars)
        late = {
            name: np.where(is_missing, np.nan, np.roll(values, num_bars))
            for name, values in (("size", self.size), ("stop", self.stop), ("take", self.take))
        }
        return replace(self, **late)


@dataclass(frozen=True, kw_only=True)
class Orders:
    """One order a bar, decided at its close, filled at the next open.

    Parameters
    ----------
    side : int8 (n,), -1, 0 or 1: the position wanted from the close of each bar on.
    terms : of n bars.
    max_hold : bars after which a trade is closed at the open; None for never.
    sessions : stretches that are traded one by one, flat between them; None where all bars are one.

    Raises
    ------
    ValueError
        If a side is none of the three, there is not one a bar, or ``max_hold`` is below 1.
    """

    side: NDArray[np.int8]
    terms: Terms
    max_hold: int | None = None
    sessions: Sessions | None = None

    def __post_init__(self) -> None:
        if self.side.shape != self.terms.size.shape:
            raise ValueError(f"target has shape {self.side.shape}, but there are {len(self.terms.size)} bars")
        if not ((self.side == 0) | (self.side == 1) | (self.side == -1)).all():
            raise ValueError("a target is not -1, 0 or 1")
        if self.max_hold is not None and self.max_hold < 1:
            raise ValueError(f"max_hold must be at least 1, got {self.max_hold}")

    @classmethod
    def whole_account(cls, side: ArrayLike, *, num_bars: int) -> Self:
        """Orders of the whole account without any exit but the signal's own."""
        return cls(side=np.asarray(side), terms=Terms.whole_account(num_bars))

    def __len__(self) -> int:
        return len(self.side)

    @cached_property
    def stretches(self) -> Sessions:
        """What is traded one by one: all bars at once, unless there are sessions."""
        return Sessions.of([len(self)]) if self.sessions is None else self.sessions

    @property
    def fillable_side(self) -> NDArray[np.int8]:
        """The side, int8 (n,), 0 until the first close of each signal at which the terms are known.

        What is not known later in a signal changes nothing: a trade keeps the terms that it was entered with.
        """
        side = self.side.astype(np.int8, copy=False)
        if self.terms.unknown is None:
            return side
        is_known = ~self.terms.unknown
        num_known = np.cumsum(is_known)
        is_first = np.append(True, side[1:] != side[:-1])
        is_first[self.stretches.first_bar] = True
        before = np.maximum.accumulate(np.where(is_first, num_known - is_known, 0))
        return np.where(num_known > before, side, np.int8(0))

    def delayed(self, num_bars: int) -> Self:
        """The same decisions, each reaching the market ``num_bars`` later."""
        if num_bars == 0:
            return self
        side = np.where(self.stretches.bars_before(num_bars), np.int8(0), np.roll(self.side, num_bars))
        return replace(self, side=side, terms=self.terms.delayed(num_bars, self.stretches))

    def missing(self, share: float, rng: np.random.Generator) -> Self:
        """The same, where a ``share`` of the signals, drawn at random, never gets its entry filled."""
        first, end = signals(self.side, self.stretches)
        is_missed = rng.random(len(first)) < share
        side = self.side.copy()
        for begun, ended in zip(first[is_missed], end[is_missed], strict=True):
            side[begun:ended] = 0
        return replace(self, side=side)


def signals(side: NDArray[np.int8], sessions: Sessions) -> tuple[IntArray, IntArray]:
    """Of every signal the first close, and the first after it that no longer asks for it; int64 (n_signals,) each.

    None reaches past the stretch that it begins in.
    """
    is_edge = side[1:] != side[:-1]
    is_edge[sessions.first_bar[1:] - 1] = True
    bounds = np.concatenate(([0], np.flatnonzero(is_edge) + 1, [len(side)]))
    asks = side[bounds[:-1]] != 0 if len(side) else [False]
    return bounds[:-1][asks], bounds[1:][asks]
