"""The same decisions under harder circumstances: dearer, later, in part never filled. Pure.

Says how much of a result hangs on the assumptions about trading; says nothing of whether it was found by searching.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from job.backtest.account import Backtest
from job.backtest.costs import Costs
from job.backtest.funding import constant_funding
from job.evaluation.measure import Measure
from job.evaluation.performance import headline_measures
from job.replay import JoinedTests, MissedFills, replay
from job.signals import TradingRules

MULTIPLES = (2, 4)
MISSED_SHARE = 0.05
MORE_FUNDING_BPS = 1.0
AS_TESTED = "as tested"


@dataclass(frozen=True, kw_only=True)
class StressedAccount:
    """One circumstance, and what the decisions make in it.

    Parameters
    ----------
    name : for people.
    account : stitched, starting with 1.
    total_return, sharpe_ratio : its headline measures.
    """

    name: str
    account: Backtest
    total_return: Measure
    sharpe_ratio: Measure


def stress_grid(tests: JoinedTests, name: str, rules: TradingRules, *, seed: int) -> tuple[StressedAccount, ...]:
    """The account of a model as tested, and once for each circumstance that is made harder.

    Parameters
    ----------
    name : of the model.
    rules : as tested.
    seed : of which fills are missed.
    """
    return tuple(_measured(circumstance, account) for circumstance, account in _accounts(tests, name, rules, seed))


def _measured(name: str, account: Backtest) -> StressedAccount:
    measures = headline_measures(account)
    return StressedAccount(
        name=name, account=account, total_return=measures["total_return"], sharpe_ratio=measures["sharpe_ratio"]
    )


def _accounts(tests: JoinedTests, name: str, rules: TradingRules, seed: int) -> Iterator[tuple[str, Backtest]]:
    yield AS_TESTED, replay(tests, name, rules)
    fee, slippage = rules.costs.fee_bps, rules.costs.slippage_bps
    for multiple in MULTIPLES:
        dearer = Costs(fee_bps=multiple * fee, slippage_bps=slippage)
        yield f"fees × {multiple}", replay(tests, name, replace(rules, costs=dearer))
    for multiple in MULTIPLES:
        worse = Costs(fee_bps=fee, slippage_bps=multiple * slippage)
        yield f"slippage × {multiple}", replay(tests, name, replace(rules, costs=worse))
    yield "one bar later", replay(tests, name, rules, delay_bars=1)
    missed = MissedFills(share=MISSED_SHARE, seed=seed)
    yield f"{MISSED_SHARE:.0%} of entries missed", replay(tests, name, rules, missed=missed)
    if rules.market == "perp":
        yield f"funding {MORE_FUNDING_BPS:+g} bp each 8 h", replay(_with_more_funding(tests), name, rules)


def _with_more_funding(tests: JoinedTests) -> JoinedTests:
    """Window by window: what falls due between two of them is nobody's."""
    more = np.concatenate([constant_funding(bars, rate_bps=MORE_FUNDING_BPS) for bars in tests.windows])
    return replace(tests, klines=replace(tests.klines, funding=tests.klines.funding + more))
