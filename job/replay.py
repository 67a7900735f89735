"""Accounts made again from stored windows: of a model's stored positions, or of a rule that needs no model. Pure."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from job.backtest.account import Backtest
from job.backtest.costs import Costs
from job.backtest.engine import run_backtest
from job.backtest.stitch import stitch
from job.signals import TradingRules
from job.window_results import WindowSeries

FLAT, LONG, LAST_RETURN = "always-flat", "always-long", "last-return"
NO_SKILL_RULES = (FLAT, LONG, LAST_RETURN)


def replay(series: tuple[WindowSeries, ...], name: str, rules: TradingRules) -> Backtest:
    """The stitched account of a model or rule by name, starting with 1."""
    return stitch(
        [
            run_backtest(s.klines, _target(s, name), costs=rules.costs, initial_equity=1.0, market=rules.market)
            for s in series
        ]
    )


def net_return_at(series: tuple[WindowSeries, ...], name: str, rules: TradingRules) -> Callable[[Costs], float]:
    """The net return of the same decisions as a function of costs."""

    def total_return(costs: Costs) -> float:
        equity = replay(series, name, replace(rules, costs=costs)).equity
        return float(equity[-1] / equity[0] - 1)

    return total_return


def _target(series: WindowSeries, name: str) -> np.ndarray:
    """The position wanted from each close on: a stored model's, or a rule's that needs no model."""
    num_bars = len(series.klines)
    if name == FLAT:
        return np.zeros(num_bars, dtype=np.int8)
    if name == LONG:
        return np.ones(num_bars, dtype=np.int8)
    if name == LAST_RETURN:
        return np.sign(np.diff(series.klines.close, prepend=series.klines.close[:1])).astype(np.int8)
    return np.append(series.position[name][1:], np.int8(0))
