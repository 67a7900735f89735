"""Accounts made again from stored windows: of a model's stored positions, or of a rule that needs no model. Pure.

A model's account is exactly that of its test, or what it would have been under other costs, later orders or missed
fills. A rule without a model takes the same sizes, since a larger position is no skill, but no exits: one that always
wants the same side would be stopped once and never come back.
"""

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from job.arrays import FloatArray
from job.backtest.account import Backtest
from job.backtest.costs import Costs
from job.backtest.market_bars import MarketBars
from job.backtest.orders import Orders
from job.backtest.sessions import Sessions
from job.records import LAST_RETURN, LONG, NO_SKILL_RULES
from job.signals import TradingRules, account_of, make_orders
from job.window_results import BAR_COLUMNS, WindowSeries


@dataclass(frozen=True, kw_only=True)
class JoinedTests:
    """The test slices of all windows in one row; columns as in `WindowSeries`.

    Parameters
    ----------
    klines : n bars in order of time, with gaps where windows are missing.
    sessions : the bars of each window.
    """

    klines: MarketBars
    sessions: Sessions
    up: FloatArray
    probability: dict[str, FloatArray]
    position: dict[str, NDArray[np.int8]]

    @property
    def windows(self) -> list[MarketBars]:
        """The bars of each window."""
        bounds = itertools.pairwise(self.sessions.bounds.tolist())
        return [self.klines.select(slice(start, end)) for start, end in bounds]


@dataclass(frozen=True, kw_only=True)
class MissedFills:
    """Entries that never get filled: a ``share`` of all signals, drawn with ``seed``."""

    share: float
    seed: int


def join_tests(series: Sequence[WindowSeries]) -> JoinedTests:
    """Put windows, at least one, into one row.

    Raises
    ------
    ValueError
        If two are out of order or overlap.
    """
    first = series[0]
    columns: dict[str, Any] = {
        name: np.concatenate([getattr(window.klines, name) for window in series]) for name in BAR_COLUMNS
    }
    klines = replace(first.klines, **columns)
    if (np.diff(klines.open_time) <= 0).any():
        raise ValueError("windows overlap or are out of order")
    return JoinedTests(
        klines=klines,
        sessions=Sessions.of([len(window.klines) for window in series]),
        up=np.concatenate([window.up for window in series]),
        probability={n: np.concatenate([window.probability[n] for window in series]) for n in first.probability},
        position={n: np.concatenate([window.position[n] for window in series]) for n in first.position},
    )


def replay(
    tests: JoinedTests,
    name: str,
    rules: TradingRules,
    *,
    delay_bars: int = 0,
    missed: MissedFills | None = None,
) -> Backtest:
    """The account of a model or rule by name over all windows, starting with 1.

    Parameters
    ----------
    delay_bars : bars by which every order is late.
    missed : or None where every entry is filled.
    """
    orders = replace(_orders(tests, name, rules), sessions=tests.sessions).delayed(delay_bars)
    if missed is not None:
        orders = orders.missing(missed.share, np.random.default_rng(missed.seed))
    return account_of(tests.klines, orders, rules)


def net_return_at(tests: JoinedTests, name: str, rules: TradingRules) -> Callable[[Costs], float]:
    """The net return of the same decisions as a function of costs."""

    def total_return(costs: Costs) -> float:
        equity = replay(tests, name, replace(rules, costs=costs)).equity
        return float(equity[-1] / equity[0] - 1)

    return total_return


def _orders(tests: JoinedTests, name: str, rules: TradingRules) -> Orders:
    bars = tests.klines
    if name not in NO_SKILL_RULES:
        wanted = np.append(tests.position[name][1:], np.int8(0))
        wanted[tests.sessions.last_bar] = 0  # what was wanted after a window's last close is not stored
        return make_orders(bars, wanted, rules)
    return Orders(side=_rule_target(name, tests), terms=bars.terms.without_exits())


def _rule_target(name: str, tests: JoinedTests) -> NDArray[np.int8]:
    """The position that a rule wants from each close on, int8 (n,)."""
    close = tests.klines.close
    if name == LAST_RETURN:
        side = np.sign(np.diff(close, prepend=close[:1])).astype(np.int8)
        side[tests.sessions.first_bar] = 0  # the return into a window is not known there
        return side
    return np.full(len(close), name == LONG, dtype=np.int8)
