"""Accounts: when orders are filled, what they cost, and what must add up."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from job.audit.accounts import Engine, check_conservation, check_costs, check_limits
from job.audit.finding import AuditFinding, Claim
from job.audit.product import run_engine
from job.backtest.account import Backtest
from job.backtest.costs import Costs
from job.backtest.engine import run_orders
from job.backtest.market_bars import MarketBars
from job.backtest.orders import Orders
from job.data.klines import Klines
from job.intervals import bars_per_year
from tests.honesty.registry import Mutant, Oracle, assert_caught, assert_passes, each_mutant, each_oracle
from tests.support.golden_bars import CLOSE, COLUMNS, INITIAL_EQUITY, OPEN, TARGET, make_klines
from tests.support.klines import random_klines

GOLDEN = Claim(check="golden bars", proves="ten bars give the account that was worked out by hand", remedy="")
WALK = Claim(check="random walk", proves="momentum earns nothing on a random walk", remedy="")
EXITS = Claim(
    check="exits",
    proves="the stop comes first where one bar reaches both levels, and a gap is filled at the open",
    remedy="",
)
Fill = Callable[[MarketBars], Backtest]
WALK_BARS = bars_per_year("1h")
WALK_LIMIT = 4.0  # a year's Sharpe of a random walk has a standard error of 1
KLINES = random_klines(700, "15m", seed=4)
BRACKET = 0.02  # distance of stop-loss and take-profit in the bars below
SIDES = np.sign(np.diff(KLINES.close, prepend=KLINES.close[:1])).astype(np.int8)
PRICE = Costs(fee_bps=5, slippage_bps=2)


def check_golden_bars(*, engine: Engine) -> AuditFinding:
    """Equity of both columns, to nine digits."""
    largest = 0.0
    for column in COLUMNS:
        account = engine(make_klines(OPEN, CLOSE), TARGET, Costs(fee_bps=column.cost_bps, slippage_bps=0))
        largest = max(largest, float(np.abs(account.equity * INITIAL_EQUITY - np.array(column.equity)).max()))
    return GOLDEN.judge(largest < 1e-9 * INITIAL_EQUITY, f"largest difference {largest:.2g} of 10,000")


def check_random_walk(*, engine: Engine) -> AuditFinding:
    """The Sharpe ratio of the side of the last three bars over a year of hours that have no memory."""
    returns = 0.005 * np.random.default_rng(1).standard_normal(WALK_BARS)
    klines = random_klines(WALK_BARS, "1h", log_returns=returns)
    momentum = np.sign(np.log(klines.close) - np.log(klines.open[np.maximum(np.arange(WALK_BARS) - 2, 0)]))
    bars = engine(klines, momentum.astype(np.int8), Costs(fee_bps=0, slippage_bps=0)).bar_returns
    sharpe = float(bars.mean() / bars.std(ddof=1) * np.sqrt(WALK_BARS))
    return WALK.judge(abs(sharpe) < WALK_LIMIT, f"Sharpe ratio {sharpe:+.1f} a year over {WALK_BARS:,} bars")


def check_exits(*, fill: Fill) -> AuditFinding:
    """A long trade from 100 whose second bar reaches both levels, and one whose second bar opens below its stop."""
    price = np.full(6, 100.0)
    both = replace(make_klines(price, price), high=np.full(6, 103.0), low=np.full(6, 97.0))
    gap_open = np.array([100, 100, 95, 95, 95, 95], dtype=float)
    gap = make_klines(gap_open, gap_open)
    found = [float(fill(MarketBars.of(bars, stop=BRACKET, take=BRACKET)).trades.exit_price[0]) for bars in (both, gap)]
    return EXITS.judge(
        bool(np.allclose(found, (98.0, 95.0), rtol=1e-12, atol=0)),
        f"both levels in one bar: filled at {found[0]:.2f} (stop at 98); open at 95 below it: filled at {found[1]:.2f}",
    )


def fill_honestly(bars: MarketBars) -> Backtest:
    """One long trade decided at the first close, by the product's engine."""
    side = np.array([1, 1, 1, 1, 0, 0], dtype=np.int8)
    orders = Orders(side=side, terms=bars.terms, max_hold=None)
    return run_orders(
        bars, orders, costs=Costs(fee_bps=0, slippage_bps=0), initial_equity=1.0, market="perp", funding=None
    )


def takes_profit_first(bars: MarketBars) -> Backtest:
    """Where a bar reaches both levels, the stop is not seen."""
    reaches_both = (bars.high >= 100 * (1 + BRACKET)) & (bars.low <= 100 * (1 - BRACKET))
    return fill_honestly(replace(bars, low=np.where(reaches_both, bars.open, bars.low)))


def fills_at_the_stop(bars: MarketBars) -> Backtest:
    """What opens below the stop is filled at the stop."""
    opened = np.maximum(bars.open, 100 * (1 - BRACKET))
    return fill_honestly(replace(bars, open=opened, high=np.maximum(bars.high, opened)))


def filled_early(num_bars: int) -> Engine:
    """The engine with every target known so many bars too early."""

    def mutant(klines: Klines, target: np.ndarray, costs: Costs) -> Backtest:
        return run_engine(klines, np.append(target[num_bars:], np.zeros(num_bars, np.int8)), costs)

    return mutant


def half_the_costs(klines: Klines, target: np.ndarray, costs: Costs) -> Backtest:
    """Entries pay, exits do not: to first order half of what both would."""
    return run_engine(klines, target, Costs(fee_bps=costs.fee_bps / 2, slippage_bps=costs.slippage_bps / 2))


def shorts_are_paid(klines: Klines, target: np.ndarray, costs: Costs) -> Backtest:
    """Costs of shorts with the wrong sign; equity multiplies over trades, so the two sides can be told apart."""
    account = run_engine(klines, target, costs)
    long, short, free = (
        run_engine(klines, part, cost).equity
        for part, cost in [
            (np.maximum(target, 0), costs),
            (np.minimum(target, 0), costs),
            (np.minimum(target, 0), Costs(fee_bps=0, slippage_bps=0)),
        ]
    )
    return replace(account, equity=long * free**2 / short)


def double_fees(klines: Klines, target: np.ndarray, costs: Costs) -> Backtest:
    """Trades pay their fees once more than the equity."""
    account = run_engine(klines, target, costs)
    return replace(account, trades=replace(account.trades, pnl=account.trades.pnl - account.trades.fees))


def marks_late(klines: Klines, target: np.ndarray, costs: Costs) -> Backtest:
    """The account is worth at each close what it was worth at the one before; it still ends where it should."""
    account = run_engine(klines, target, costs)
    equity = account.equity
    return replace(account, equity=np.concatenate([equity[:1], equity[:-2], equity[-1:]]))


def past_the_end(klines: Klines, target: np.ndarray, costs: Costs) -> Backtest:
    """The last trade is closed after the window."""
    account = run_engine(klines, target, costs)
    return replace(account, trades=replace(account.trades, exit_bar=account.trades.exit_bar + 1))


def sums_returns(klines: Klines, target: np.ndarray, costs: Costs) -> Backtest:
    """Every bar is traded with the first account's size: returns are added, not compounded."""
    account = run_engine(klines, target, costs)
    return replace(account, equity=1 + np.append(0.0, np.cumsum(account.bar_returns)))


def ignores_shorts(klines: Klines, target: np.ndarray, costs: Costs) -> Backtest:
    """Short targets are taken for flat."""
    return run_engine(klines, np.maximum(target, 0), costs)


EARLY = (
    Mutant(name="signals shifted the wrong way", given={"engine": filled_early(2)}),
    Mutant(name="filled at the open of the bar that decides", given={"engine": filled_early(1)}),
)
ORACLES = (
    Oracle(code="D01", claim=GOLDEN.proves, check=check_golden_bars, given={"engine": run_engine}, mutants=EARLY),
    Oracle(code="D01", claim=WALK.proves, check=check_random_walk, given={"engine": run_engine}, mutants=EARLY),
    Oracle(
        code="D13",
        claim="each cost is paid on both sides of a trade, by longs and by shorts",
        check=check_costs,
        given={"engine": run_engine, "klines": KLINES, "target": SIDES},
        mutants=(
            Mutant(name="costs on entries only", given={"engine": half_the_costs}),
            Mutant(name="costs of shorts with the wrong sign", given={"engine": shorts_are_paid}),
        ),
    ),
    Oracle(
        code="D14",
        claim="always long is buy and hold, always flat is zero, the other side mirrors a bar",
        check=check_limits,
        given={"engine": run_engine, "klines": KLINES},
        mutants=(
            Mutant(name="returns added instead of compounded", given={"engine": sums_returns}),
            Mutant(name="short taken for flat", given={"engine": ignores_shorts}),
        ),
    ),
    Oracle(
        code="D15",
        claim="equity, bars, trades and fees add up to the same money",
        check=check_conservation,
        given={"engine": run_engine, "klines": KLINES, "target": SIDES, "costs": PRICE},
        mutants=(
            Mutant(name="fees charged twice", given={"engine": double_fees}),
            Mutant(name="marked at the close before", given={"engine": marks_late}),
            Mutant(name="a trade crosses the window's end", given={"engine": past_the_end}),
        ),
    ),
    Oracle(
        code="D16",
        claim=EXITS.proves,
        check=check_exits,
        given={"fill": fill_honestly},
        mutants=(
            Mutant(name="take-profit first where a bar holds both", given={"fill": takes_profit_first}),
            Mutant(name="a gap through the stop filled at the stop", given={"fill": fills_at_the_stop}),
        ),
    ),
)


@each_oracle(ORACLES)
def test_account_keeps_to_the_claim(oracle: Oracle) -> None:
    """The product's engine passes."""
    assert_passes(oracle)


@each_mutant(ORACLES)
def test_mistake_in_accounts_is_caught(oracle: Oracle, mutant: Mutant) -> None:
    """The engine with the mistake fails."""
    assert_caught(oracle, mutant)
