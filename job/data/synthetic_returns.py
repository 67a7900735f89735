"""Returns of the synthetic markets: fat tails, volatility with memory and a daily rhythm, and a planted edge.

Pure numbers: it knows nothing of prices, bars, symbols or storage. Fat tails are a multivariate Student t,
clustering is a log-normal autoregressive volatility (Taylor, *Modelling Financial Time Series*, 1986).
"""

from dataclasses import dataclass
from itertools import accumulate

import numpy as np
from numpy.random import PCG64, Generator, SeedSequence

from job.arrays import FloatArray, IntArray
from job.intervals import DAY_MS, HOUR_MS, bars_per_day

FOLLOWER, LEADER, BYSTANDER = range(3)  # columns: the traded market, the one that leads it, a third one

LEADER_CORRELATION = np.array([0.75, 1.0, 0.8])  # of each market's returns with the leader's
DAILY_VOLATILITY = np.array([0.04, 0.025, 0.035])  # standard deviation of a day's return

DEGREES_OF_FREEDOM = 4  # the fewest whole number at which the variance exists with room to estimate it
VOLATILITY_HALF_LIFE_HOURS = 12  # a calm or a storm lasts about a day
LOG_VOLATILITY_DEVIATION = 0.45
RHYTHM_AMPLITUDE = 0.3  # busiest hour about 1.8 times as volatile as the quietest
RHYTHM_PEAK_HOUR_UTC = 14.5  # New York opens
LARGEST_RETURN = 0.3  # bounds one bar, so that no price can reach zero

SIGNAL_HALF_LIFE_BARS = 8


@dataclass(frozen=True, kw_only=True)
class SimulatedReturns:
    """One draw of three markets, columns `FOLLOWER`, `LEADER`, `BYSTANDER`.

    Parameters
    ----------
    returns : float64 (n, 3), simple returns close to close, fractions.
    volatility : float64 (n, 3), standard deviation of the bar's return as known before the bar.
    deviation : float64 (n, 3), the same after the bar's own fat-tailed size was drawn.
    signal : float64 (n,), in (-1, 1), known at the close of bar t; moves the follower in bar t+1.
    """

    returns: FloatArray
    volatility: FloatArray
    deviation: FloatArray
    signal: FloatArray


def simulate_returns(*, seed: int, interval: str, open_time: IntArray, edge: float) -> SimulatedReturns:
    """Draw the returns of three correlated markets.

    Parameters
    ----------
    seed : int >= 0.
    interval : bar length by Binance's name.
    open_time : int64 (n,), milliseconds UTC; gives the daily rhythm its hour.
    edge : float
        Drift of the follower in bar t+1, in units of that bar's volatility, at signal 1. Zero gives a
        martingale: the returns are a symmetric draw times a volatility that is drawn apart from them.

    Notes
    -----
    The draws do not depend on ``edge``: two calls that differ only there share every random number.
    """
    num_bars = len(open_time)
    levels, sizes, moves = (Generator(PCG64(child)) for child in SeedSequence(seed).spawn(3))

    volatility = _volatility(levels, interval=interval, open_time=open_time)
    size = np.sqrt((DEGREES_OF_FREEDOM - 2) / sizes.chisquare(DEGREES_OF_FREEDOM, (num_bars, 1)))
    own = moves.standard_normal((num_bars, 3))
    shocks = size * (LEADER_CORRELATION * own[:, [LEADER]] + np.sqrt(1 - LEADER_CORRELATION**2) * own)

    signal = np.tanh(autoregression(shocks[:, LEADER], half_life_bars=SIGNAL_HALF_LIFE_BARS))
    drift = np.zeros((num_bars, 3))
    drift[1:, FOLLOWER] = edge * signal[:-1]
    return SimulatedReturns(
        returns=np.clip(volatility * (shocks + drift), -LARGEST_RETURN, LARGEST_RETURN),
        volatility=volatility,
        deviation=volatility * size,
        signal=signal,
    )


def autoregression(shocks: FloatArray, *, half_life_bars: float) -> FloatArray:
    """Autoregressive series of the variance of ``shocks`` whose memory halves every ``half_life_bars``.

    It is also an exponentially weighted moving average of the shocks, scaled to keep their variance; row t
    uses shocks <= t, and row 0 is the first shock, so that the variance is right from the start.
    """
    memory = 0.5 ** (1 / half_life_bars)
    gain = np.sqrt(1 - memory**2)
    series = accumulate(shocks.tolist(), lambda level, shock: memory * level + gain * shock)
    return np.fromiter(series, dtype=np.float64, count=len(shocks))


def _volatility(random: Generator, *, interval: str, open_time: IntArray) -> FloatArray:
    """Standard deviation of each bar's return, (n, 3): memory times rhythm, at the promised daily level."""
    half_life_bars = VOLATILITY_HALF_LIFE_HOURS * bars_per_day(interval) / 24
    storm = autoregression(random.standard_normal(len(open_time)), half_life_bars=half_life_bars)
    hour = open_time % DAY_MS / HOUR_MS
    rhythm = RHYTHM_AMPLITUDE * np.cos(2 * np.pi * (hour - RHYTHM_PEAK_HOUR_UTC) / 24)
    log_mean_square = 2 * LOG_VOLATILITY_DEVIATION**2 + np.log(np.i0(2 * RHYTHM_AMPLITUDE))
    relative = np.exp(LOG_VOLATILITY_DEVIATION * storm + rhythm - log_mean_square / 2)
    daily: FloatArray = DAILY_VOLATILITY / np.sqrt(bars_per_day(interval))
    return relative[:, None] * daily
