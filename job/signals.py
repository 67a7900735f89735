"""From probabilities to positions: thresholds, and how long a signal is held. Pure.

A forecast at or above ``buy`` asks for a long position, at or below ``sell`` for a short one; anything between, or
no forecast at all, asks for nothing. A signal is held until the horizon of its label has passed since it was last
repeated, or until the other side speaks: one trade then means what one label meant.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from job.arrays import FloatArray
from job.backtest.account import Backtest
from job.backtest.costs import Costs
from job.backtest.engine import Market, run_backtest
from job.data.klines import Klines


@dataclass(frozen=True, kw_only=True)
class Thresholds:
    """Probabilities that open a position. `NEVER` opens none."""

    buy: float
    sell: float

    @property
    def never_trades(self) -> bool:
        """Whether no forecast can reach either side."""
        return self == NEVER


@dataclass(frozen=True, kw_only=True)
class TradingRules:
    """How forecasts become an account, the same for validation, test and every baseline.

    Parameters
    ----------
    costs : of one side.
    market : "perp" may be short, "spot" may not.
    hold_bars : bars for which a signal holds, see `target_positions`.
    bars_per_year : of the interval.
    """

    costs: Costs
    market: Market
    hold_bars: int
    bars_per_year: int


# Outside what a probability can be: the legal answer "trade nothing".
NEVER = Thresholds(buy=2.0, sell=-1.0)


def target_positions(probability: FloatArray, thresholds: Thresholds, *, hold_bars: int) -> NDArray[np.int8]:
    """Position wanted from the close of each bar on, int8 (n,), in {-1, 0, 1}.

    Parameters
    ----------
    probability : float64 (n,)
        Forecast at each bar's close; NaN where there is none.
    thresholds : Thresholds
    hold_bars : int
        Bars for which a signal holds unless it is repeated or contradicted.
    """
    side = np.where(probability >= thresholds.buy, 1, np.where(probability <= thresholds.sell, -1, 0))
    bar = np.arange(len(side))
    last_signal = np.maximum.accumulate(np.where(side != 0, bar, -hold_bars))
    is_fresh = bar - last_signal < hold_bars
    return np.where(is_fresh, side[np.maximum(last_signal, 0)], 0).astype(np.int8)


def trade(klines: Klines, probability: FloatArray, thresholds: Thresholds, rules: TradingRules) -> Backtest:
    """The account that the forecasts earn over ``klines``, starting with 1."""
    target = target_positions(probability, thresholds, hold_bars=rules.hold_bars)
    return run_backtest(klines, target, costs=rules.costs, initial_equity=1.0, market=rules.market)
