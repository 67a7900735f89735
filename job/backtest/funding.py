"""Funding of perpetuals: what longs pay shorts every few hours, placed on the bars in which it falls due. Pure.

Who holds a position when a bar opens, from a bar before, pays or receives what falls due in that bar, on the notional
at its open. An entry filled at that open does not: it comes after. Spot markets have none.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from job.arrays import FloatArray, IntArray
from job.backtest.costs import BPS
from job.backtest.market_bars import MarketBars
from job.data.klines import Klines
from job.intervals import DAY_MS, HOUR_MS

# Perpetuals settle at 00:00, 08:00 and 16:00 UTC.
FUNDING_PERIOD_MS = 8 * HOUR_MS


@dataclass(frozen=True, kw_only=True)
class FundingDays:
    """On how many UTC days a perpetual settles, and on how many of them anything falls due."""

    num_settled: int
    num_charged: int


def funding_on_bars(klines: Klines, *, due_ms: IntArray, rate: FloatArray) -> FloatArray:
    """What longs pay in each bar, as a fraction of their notional, float64 (n,); 0 where nothing falls due.

    Parameters
    ----------
    due_ms : int64 (m,), ascending. What falls due where bars are missing is paid in the next bar there is.
    rate : float64 (m,), fractions; negative where shorts pay.
    """
    num_bars = len(klines)
    if not num_bars:
        return np.zeros(0)
    is_within = (due_ms >= klines.open_time[0]) & (due_ms < klines.available_at[-1])
    bar = np.searchsorted(klines.available_at, due_ms[is_within], side="right")
    return np.bincount(bar, weights=rate[is_within], minlength=num_bars).astype(np.float64)


def constant_funding(klines: Klines, *, rate_bps: float) -> FloatArray:
    """The same of one rate in basis points at every settlement, float64 (n,)."""
    if not len(klines):
        return np.zeros(0)
    first = -(-int(klines.open_time[0]) // FUNDING_PERIOD_MS) * FUNDING_PERIOD_MS
    due_ms = np.arange(first, int(klines.available_at[-1]), FUNDING_PERIOD_MS, dtype=np.int64)
    return funding_on_bars(klines, due_ms=due_ms, rate=np.full(len(due_ms), rate_bps * BPS))


def funding_days(slices: Sequence[MarketBars]) -> FundingDays:
    """How much of some slices of bars is covered by their funding; a day in two slices counts once."""
    settled = [_days(bars, constant_funding(bars, rate_bps=1.0)) for bars in slices]
    charged = [_days(bars, bars.funding) for bars in slices]
    days = np.unique(np.concatenate(settled))
    return FundingDays(num_settled=len(days), num_charged=int(np.isin(days, np.concatenate(charged)).sum()))


def _days(klines: Klines, funding: FloatArray) -> IntArray:
    """Start of the UTC day of each bar in which something falls due, in milliseconds."""
    open_time = klines.open_time[funding != 0]
    day: IntArray = open_time - open_time % DAY_MS
    return day
