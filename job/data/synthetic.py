"""Two synthetic worlds to measure the tool itself with: one holds an edge of known size, the other nothing.

How the edge works. SYNUSDT follows SYNBTC with a delay:

1. SYNBTC's returns, each divided by its volatility at the time, are averaged with weights that halve every
   8 bars and scaled to unit variance; tanh of that is the *signal*, between -1 and 1.
2. In the next bar SYNUSDT drifts by ``edge`` x signal x the bar's volatility. Nothing else is predictable:
   not SYNBTC, not SYNETH, and not the rest of SYNUSDT's move.
3. So SYNBTC's recent rise or fall, which every causal momentum feature sees, tells SYNUSDT's next hours,
   with a strength that is the same in calm and in storm.

The noise world has the same random numbers and ``edge`` 0: its prices are martingales, and before costs no
rule that looks at the past earns anything on average. This module knows nothing of features, models or
storage.
"""

from dataclasses import dataclass
from math import asin, pi, sqrt
from typing import Literal

import numpy as np

from job.data.klines import Klines
from job.data.synthetic_bars import Listing, bars_of_market
from job.data.synthetic_returns import (
    DAILY_VOLATILITY,
    FOLLOWER,
    SIGNAL_HALF_LIFE_BARS,
    simulate_returns,
)
from job.intervals import DAY_MS, bars_per_day, interval_ms

World = Literal["edge", "noise"]

SYNTHETIC_SYMBOL = "SYNUSDT"
SYNTHETIC_CONTEXT = ("SYNBTC", "SYNETH")

DEFAULT_EDGE = 0.18  # oracle: AUC .61, net Sharpe 9 to 10 a year at 7 bp a side, 15m bars
EDGE_HORIZON_BARS = 8  # the horizon at which the edge is described
SIGNAL_DEVIATION = 0.62  # of tanh(s) for the unit-variance, fat-tailed s

LISTINGS = (
    Listing(symbol=SYNTHETIC_SYMBOL, first_price=150.0, price_decimals=4, daily_volume=9e6),
    Listing(symbol=SYNTHETIC_CONTEXT[0], first_price=60_000.0, price_decimals=1, daily_volume=1e5),
    Listing(symbol=SYNTHETIC_CONTEXT[1], first_price=3_000.0, price_decimals=2, daily_volume=2e6),
)  # in the order of the columns of the simulated returns


@dataclass(frozen=True, kw_only=True)
class WorldDescription:
    """What was planted in a world, so that a report can hold the verdict against the truth.

    Parameters
    ----------
    edge : float
        Drift of a bar in units of its volatility at signal 1; 0 in the noise world.
    horizon_bars : int
        Number of bars over which the next three numbers are meant.
    typical_move_bps, largest_move_bps : float
        Expected return that can be known in advance, at average volatility: one standard deviation, and a
        bound that it never passes.
    oracle_auc : float
        Area under the ROC curve of the direction for somebody who knows the signal exactly.
    sentence : str
        The same in words.
    """

    world: World
    edge: float
    horizon_bars: int
    typical_move_bps: float
    largest_move_bps: float
    oracle_auc: float
    sentence: str


def synthetic_markets(
    world: World,
    *,
    seed: int,
    interval: str = "15m",
    num_days: int,
    last_close_ms: int,
    edge: float = DEFAULT_EDGE,
) -> dict[str, Klines]:
    """Bars of SYNUSDT, SYNBTC and SYNETH without gaps, equal bit for bit for equal arguments.

    Parameters
    ----------
    world : "edge" or "noise"
        The noise world is the edge world with ``edge`` 0.
    seed : int >= 0.
    interval : bar length by Binance's name.
    num_days : int > 0
        Another number of days is another draw, not a longer piece of the same one.
    last_close_ms : int
        Close of the last bar, milliseconds UTC, on the interval's grid.
    edge : float
        See the module. At the default, on 15m bars and at 7 bp a side, somebody who knows the signal has AUC
        .61 over 8 bars and a net Sharpe of 9 to 10 a year; a logistic regression on lagged returns, fitted
        to 30 days and traded for 7, has .58 and about 7. Negative: SYNUSDT turns against SYNBTC.

    Raises
    ------
    ValueError
        For an interval that is not supported, a close off its grid, or no days.

    Notes
    -----
    Returns have Student t tails (4 degrees of freedom), volatility of 4 % (SYNUSDT), 2.5 % and 3.5 % a day
    that clusters (half-life 12 hours) and peaks at 14:30 UTC, and a correlation with SYNBTC's of .75 and .8.
    A bar opens at the last close; its high and low are those of a Brownian path between open and close.
    Volume grows with the bar's volatility. Prices are rounded to a tick.
    """
    step_ms = interval_ms(interval)
    if last_close_ms % step_ms != 0:
        raise ValueError(f"last_close_ms {last_close_ms} is not on the {interval} grid")
    if num_days <= 0:
        raise ValueError(f"num_days {num_days} is not above zero")
    open_time = np.arange(last_close_ms - num_days * DAY_MS, last_close_ms, step_ms, dtype=np.int64)
    planted = edge if world == "edge" else 0.0
    simulated = simulate_returns(seed=seed, interval=interval, open_time=open_time, edge=planted)
    return {
        listing.symbol: bars_of_market(
            listing, seed=seed, column=column, simulated=simulated, interval=interval, open_time=open_time
        )
        for column, listing in enumerate(LISTINGS)
    }


def describe_world(world: World, *, interval: str = "15m", edge: float = DEFAULT_EDGE) -> WorldDescription:
    """What `synthetic_markets` plants for these arguments, in numbers and in a sentence.

    Notes
    -----
    For a forecast and a return that are jointly normal with correlation r, the area under the ROC curve of
    the return's sign is 1/2 + (2/pi) asin(r / sqrt 2), by the orthant probability of three normals. The fat
    tails shift it by less than .01.
    """
    planted = edge if world == "edge" else 0.0
    memory = 0.5 ** (1 / SIGNAL_HALF_LIFE_BARS)
    bars_of_drift = (1 - memory**EDGE_HORIZON_BARS) / (1 - memory)
    bar_bps = 1e4 * float(DAILY_VOLATILITY[FOLLOWER]) / sqrt(bars_per_day(interval))
    typical_bps = abs(planted) * SIGNAL_DEVIATION * bars_of_drift * bar_bps
    largest_bps = abs(planted) * EDGE_HORIZON_BARS * bar_bps
    correlation = SIGNAL_DEVIATION * planted * bars_of_drift / sqrt(EDGE_HORIZON_BARS)
    oracle_auc = 0.5 + 2 / pi * asin(abs(correlation) / sqrt(2))
    leader = SYNTHETIC_CONTEXT[0]
    verb = "follows" if planted > 0 else "turns against"
    sentence = (
        f"{SYNTHETIC_SYMBOL} {verb} {leader} with a delay: {leader}'s last hours tell the next "
        f"{EDGE_HORIZON_BARS} bars of {SYNTHETIC_SYMBOL} by {typical_bps:.0f} bp typically and "
        f"{largest_bps:.0f} bp at most, at average volatility; who knows it exactly has AUC {oracle_auc:.2f}."
        if planted
        else f"Nothing is planted: no rule that looks at the past of {SYNTHETIC_SYMBOL}, "
        f"{' or '.join(SYNTHETIC_CONTEXT)} earns anything before costs, except by luck."
    )
    return WorldDescription(
        world=world,
        edge=planted,
        horizon_bars=EDGE_HORIZON_BARS,
        typical_move_bps=typical_bps,
        largest_move_bps=largest_bps,
        oracle_auc=oracle_auc,
        sentence=sentence,
    )
