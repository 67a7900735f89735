"""Accounts made again from stored windows: of a model's stored positions, or of a rule that needs no model. Pure.

A model's account is exactly that of its test, or what it would have been under other costs, later orders or missed
fills. A rule without a model takes the same sizes, since a larger position is no skill, but no exits: one that always
wants the same side would be stopped once and never come back.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from job.backtest.account import Backtest
from job.backtest.costs import Costs
from job.backtest.market_bars import MarketBars
from job.backtest.orders import Orders
from job.backtest.stitch import stitch
from job.records import LAST_RETURN, LONG, NO_SKILL_RULES
from job.signals import TradingRules, account_of, make_orders, with_terms
from job.window_results import WindowSeries


@dataclass(frozen=True, kw_only=True)
class MissedFills:
    """Entries that never get filled: a ``share`` of all signals, drawn with ``seed``."""

    share: float
    seed: int


def replay(
    series: tuple[WindowSeries, ...],
    name: str,
    rules: TradingRules,
    *,
    delay_bars: int = 0,
    missed: MissedFills | None = None,
) -> Backtest:
    """The stitched account of a model or rule by name, starting with 1.

    Parameters
    ----------
    series : windows in time order.
    delay_bars : bars by which every order is late.
    missed : or None where every entry is filled.
    """
    rng = np.random.default_rng(missed.seed if missed is not None else 0)
    accounts = []
    for window in series:
        bars = with_terms(window.klines, rules)
        orders = _orders(window, name, bars, rules).delayed(delay_bars)
        if missed is not None:
            orders = orders.missing(missed.share, rng)
        accounts.append(account_of(bars, orders, rules))
    return stitch(accounts)


def net_return_at(series: tuple[WindowSeries, ...], name: str, rules: TradingRules) -> Callable[[Costs], float]:
    """The net return of the same decisions as a function of costs."""

    def total_return(costs: Costs) -> float:
        equity = replay(series, name, replace(rules, costs=costs)).equity
        return float(equity[-1] / equity[0] - 1)

    return total_return


def _orders(window: WindowSeries, name: str, bars: MarketBars, rules: TradingRules) -> Orders:
    if name not in NO_SKILL_RULES:
        target = np.append(window.position[name][1:], np.int8(0))
        return make_orders(bars, target, rules)
    return Orders(side=_rule_target(name, bars), terms=bars.terms.without_exits())


def _rule_target(name: str, bars: MarketBars) -> NDArray[np.int8]:
    """The position that a rule wants from each close on, int8 (n,)."""
    if name == LAST_RETURN:
        return np.sign(np.diff(bars.close, prepend=bars.close[:1])).astype(np.int8)
    return np.full(len(bars), name == LONG, dtype=np.int8)
