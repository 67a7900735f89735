"""Bars of one synthetic market from its returns: open, range, close, volume, on a tick grid.

It adds nothing that could be predicted: each bar is a Brownian path between its open and its close, so that
rules which act inside a bar (a stop, a target) are as fair as those that act at its close.
"""

from dataclasses import dataclass

import numpy as np
from numpy.random import PCG64, Generator, SeedSequence

from job.arrays import FloatArray, IntArray
from job.data.klines import Klines
from job.data.synthetic_returns import DAILY_VOLATILITY, SimulatedReturns
from job.intervals import bars_per_day

BARS_STREAM = 1_000  # spawn key of the seed; the returns use the first few
VOLUME_DISPERSION = 0.4  # deviation of the log volume that volatility does not explain
VOLUME_DECIMALS = 3


@dataclass(frozen=True, kw_only=True)
class Listing:
    """What turns a column of returns into the bars of one market.

    Parameters
    ----------
    symbol : str
    first_price : float
        Open of the first bar, quote currency.
    price_decimals : int
        Prices are whole multiples of ``10 ** -price_decimals``.
    daily_volume : float
        About what changes hands in an average day, base currency.
    """

    symbol: str
    first_price: float
    price_decimals: int
    daily_volume: float


def bars_of_market(
    listing: Listing,
    *,
    seed: int,
    column: int,
    simulated: SimulatedReturns,
    interval: str,
    open_time: IntArray,
) -> Klines:
    """Make the bars of one market.

    Parameters
    ----------
    seed : int >= 0, the seed of ``simulated``; ranges and volumes come from a stream of their own.
    column : int, which column of ``simulated`` this market is.
    interval : bar length by Binance's name.
    open_time : int64 (n,), milliseconds UTC.

    Notes
    -----
    High and low follow the exact law of the extremes of a Brownian bridge in log price: with D the bar's
    move, sigma its deviation and E exponential, the highest point lies (D + sqrt(D^2 + 2 sigma^2 E)) / 2
    above the start. The two extremes are drawn apart from each other.
    """
    random = Generator(PCG64(SeedSequence(seed, spawn_key=(BARS_STREAM, column))))
    move = np.log1p(simulated.returns[:, column])
    deviation = simulated.deviation[:, column]
    end = np.cumsum(move)
    start = np.concatenate([[0.0], end[:-1]])
    reach_up, reach_down = (
        np.sqrt(move**2 + 2 * deviation**2 * random.standard_exponential(len(move))) for _ in range(2)
    )
    activity = deviation * np.sqrt(bars_per_day(interval)) / DAILY_VOLATILITY[column]
    surprise = np.exp(VOLUME_DISPERSION * random.standard_normal(len(move)))
    mean_volume = listing.daily_volume / bars_per_day(interval)
    return Klines(
        interval=interval,
        open_time=open_time,
        open=_price(listing, start),
        high=_price(listing, start + (move + reach_up) / 2),
        low=_price(listing, start + (move - reach_down) / 2),
        close=_price(listing, end),
        volume=np.round(mean_volume * activity * surprise, VOLUME_DECIMALS),
    )


def _price(listing: Listing, log_growth: FloatArray) -> FloatArray:
    """Price after ``log_growth`` since the first bar, to the tick and never below one tick."""
    price = listing.first_price * np.exp(log_growth)
    return np.maximum(np.round(price, listing.price_decimals), 10.0**-listing.price_decimals)
