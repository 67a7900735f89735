"""Markets like the real ones in which nothing can be forecast, to see what the whole procedure makes of them. Pure.

Stretches of about a day are redrawn, the same of every market, so that volatility still comes in clusters and markets
still move together; then each bar is turned upside down by a coin, again the same of every market. The coin is
what makes it a null: inside a stretch the order stays, and a rule of a few bars would live on in it.

References
----------
Politis and Romano (1994), "The Stationary Bootstrap"; Wu (1986) and Liu (1988), the wild bootstrap's random signs.
"""

from collections.abc import Mapping
from functools import reduce

import numpy as np

from job.arrays import FloatArray, IntArray
from job.data.klines import Klines
from job.evaluation.bootstrap import draw_indices
from job.intervals import bars_per_day

STREAM = 7_001  # keeps these draws apart from those of training, which has the same seed


def null_world(markets: Mapping[str, Klines], *, seed: int, index: int) -> dict[str, Klines]:
    """One redrawn history of all markets.

    Parameters
    ----------
    markets : bars by symbol. Those that not all markets have are left out.
    seed : of the procedure.
    index : number of the world; equal seed and index give equal bars.

    Returns
    -------
    dict of str to Klines
        The same symbols, on the bars' own open times. Each market begins with its first open price. Every bar's
        shape (gap, body, wicks, volume) is one of the real bars', or its mirror image.
    """
    common = reduce(np.intersect1d, [klines.open_time for klines in markets.values()])
    aligned = {symbol: _at(klines, common) for symbol, klines in markets.items()}
    interval = next(iter(markets.values())).interval
    random = np.random.default_rng([seed, STREAM, index])
    (rows,) = draw_indices(len(common), block_length=bars_per_day(interval), num_draws=1, rng=random)
    sign = random.choice([-1.0, 1.0], size=len(common))
    return {symbol: _redrawn(klines, rows, sign) for symbol, klines in aligned.items()}


def _at(klines: Klines, open_time: IntArray) -> Klines:
    return klines.select(np.searchsorted(klines.open_time, open_time))


def _redrawn(klines: Klines, rows: IntArray, sign: FloatArray) -> Klines:
    """The bars of ``rows``, where ``sign`` is -1 upside down, each opening a gap away from the last close."""
    log_open, log_close = np.log(klines.open), np.log(klines.close)
    gap = np.diff(log_open, prepend=log_open[:1])
    gap[1:] = log_open[1:] - log_close[:-1]
    body = sign * (log_close - log_open)[rows]
    up, down = (np.log(klines.high) - log_open)[rows], (np.log(klines.low) - log_open)[rows]
    steps = sign * gap[rows]
    steps[0] = 0.0
    opened = log_open[0] + np.cumsum(steps) + np.append(0.0, np.cumsum(body)[:-1])
    open_, close = np.exp(opened), np.exp(opened + body)
    high = np.exp(opened + np.where(sign > 0, up, -down))
    low = np.exp(opened + np.where(sign > 0, down, -up))
    return Klines(
        interval=klines.interval,
        open_time=klines.open_time,
        open=open_,
        high=np.maximum(high, np.maximum(open_, close)),  # equal prices may differ in the last digit of the logarithm
        low=np.minimum(low, np.minimum(open_, close)),
        close=close,
        volume=klines.volume[rows],
    )


def null_p_value(sharpe: float, null_sharpes: FloatArray) -> float:
    """Chance of so high a Sharpe ratio in a world without anything to find; the real world counts as one of them.

    Parameters
    ----------
    sharpe : of the real world.
    null_sharpes : float64 (n_worlds,), of the null worlds; 0 where nothing was traded.
    """
    return float((1 + (null_sharpes >= sharpe).sum()) / (1 + len(null_sharpes)))
