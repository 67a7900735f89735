"""From probabilities to positions: thresholds, and how long a signal is held. Pure.

A forecast at or above ``buy`` asks for a long position, at or below ``sell`` for a short one; anything between, or
no forecast at all, asks for nothing. A signal is held until the horizon of its label has passed since it was last
repeated, or until the other side speaks: one trade then means what one label meant.
"""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from job.arrays import FloatArray
from job.backtest.account import Backtest
from job.backtest.costs import Costs
from job.backtest.engine import run_orders
from job.backtest.holdings import Market
from job.backtest.market_bars import MarketBars
from job.backtest.orders import Orders
from job.data.klines import Klines
from job.settings.procedure import StrategySettings


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
    strategy : how large positions are, and how they end.
    has_side : whether forecasts say which way; those that do not are never traded.
    """

    costs: Costs
    market: Market
    hold_bars: int
    bars_per_year: int
    strategy: StrategySettings = field(default_factory=StrategySettings)
    has_side: bool = True


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
    """The account that the forecasts earn over ``klines``, starting with 1; see `with_terms`."""
    bars = with_terms(klines, rules)
    target = target_positions(probability, thresholds, hold_bars=rules.hold_bars)
    return account_of(bars, make_orders(bars, target, rules), rules)


def make_orders(bars: MarketBars, target: NDArray[np.int8], rules: TradingRules) -> Orders:
    """The orders of a target, int8 (n,), with the sizes and exits of the rules."""
    return Orders(side=target, terms=bars.terms, max_hold=rules.strategy.max_hold)


def account_of(bars: MarketBars, orders: Orders, rules: TradingRules) -> Backtest:
    """The account of orders, starting with 1: the one way from decisions to money, in validation, test and replay."""
    funding = bars.funding if bars.has_funding else None
    return run_orders(bars, orders, costs=rules.costs, initial_equity=1.0, market=rules.market, funding=funding)


def with_terms(klines: Klines, rules: TradingRules) -> MarketBars:
    """Bars as they are where they carry terms; plain ones with constant terms and no funding.

    Raises
    ------
    ValueError
        Where sizes or exits depend on what happened before plain bars begin: only whoever cuts them can know that.
    """
    if isinstance(klines, MarketBars):
        return klines
    strategy = rules.strategy
    if strategy.sizing != "fixed" or strategy.stop_loss_atr is not None or strategy.take_profit_atr is not None:
        raise ValueError("sizes and exits that follow the market need bars that carry them (MarketBars)")
    return MarketBars.of(klines, size=fixed_size(strategy.max_size))


def fixed_size(max_size: float) -> float:
    """The whole account, or as much of it as is allowed."""
    return min(1.0, max_size)
