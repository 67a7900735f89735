"""Bars, with what trading on them means before anything is forecast: sizes, distances of exits, funding. Pure.

The columns are the same for every model, and are cut together with their bars: what was computed on a longer series
stays what it was.
"""

from dataclasses import dataclass, fields
from functools import cached_property
from typing import Any, Self

import numpy as np

from job.arrays import FloatArray
from job.backtest.orders import Terms
from job.data.klines import Klines


@dataclass(frozen=True, kw_only=True)
class MarketBars(Klines):
    """Klines and, for an order decided at each of their closes, its terms.

    Parameters
    ----------
    size : float64 (n,), multiples of the account; NaN where not known yet.
    stop : float64 (n,), distance of the stop-loss, a fraction of the price; inf for none, NaN where not known yet.
    take : float64 (n,), of the take-profit, likewise.
    funding : float64 (n,), what longs pay in each bar, a fraction of their notional.
    """

    size: FloatArray
    stop: FloatArray
    take: FloatArray
    funding: FloatArray

    @classmethod
    def of(
        cls,
        klines: Klines,
        *,
        size: FloatArray | float = 1.0,
        stop: FloatArray | float = np.inf,
        take: FloatArray | float = np.inf,
        funding: FloatArray | float = 0.0,
    ) -> Self:
        """Bars with these terms: the whole account, no exits and no funding, unless told otherwise."""
        columns: dict[str, Any] = {field.name: getattr(klines, field.name) for field in fields(Klines)}
        for name, term in {"size": size, "stop": stop, "take": take, "funding": funding}.items():
            columns[name] = np.broadcast_to(np.asarray(term, dtype=np.float64), len(klines))
        return cls(**columns)

    @cached_property
    def terms(self) -> Terms:
        """The terms of an order decided at each close."""
        return Terms(size=self.size, stop=self.stop, take=self.take)

    @cached_property
    def has_funding(self) -> bool:
        """Whether anything falls due."""
        return bool(self.funding.any())
