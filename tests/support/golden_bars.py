"""Ten hourly bars whose account was worked out by hand, with and without costs."""

from dataclasses import dataclass

import numpy as np

from job.arrays import FloatArray
from job.backtest.account import Backtest
from job.backtest.costs import Costs
from job.backtest.engine import run_backtest
from job.data.klines import Klines
from job.intervals import interval_ms

BARS_PER_YEAR = 8_760.0
INITIAL_EQUITY = 10_000.0
OPEN = np.array([100, 100, 104, 103, 101, 99, 100, 102, 101, 100], dtype=float)
CLOSE = np.array([100, 104, 103, 101, 99, 100, 102, 101, 100, 98], dtype=float)
TARGET = np.array([1, 1, 1, -1, -1, 0, 1, 0, 0, 0], dtype=np.int8)


@dataclass(frozen=True, kw_only=True)
class GoldenAccount:
    """One column of the table, worked out in rational arithmetic and rounded to ten decimals."""

    cost_bps: float
    equity: tuple[float, ...]
    pnl: tuple[float, ...]
    fees: float
    total_return: float
    max_drawdown: float
    sharpe_per_bar: float
    sharpe: float
    sortino: float
    profit_factor: float
    expected_value: float
    risk_reward_ratio: float
    recovery_factor: float


WITHOUT_COSTS = GoldenAccount(
    cost_bps=0,
    equity=(10_000, 10_000, 10_400, 10_300, 10_100, 10_300, 10_200, 10_200, 10_100, 10_100, 10_100),
    pnl=(100, 100, -100),
    fees=0,
    total_return=0.01,
    max_drawdown=-0.0288461538462,
    sharpe_per_bar=0.0657320590482,
    sharpe=6.1521836301925,
    sortino=12.9695396213810,
    profit_factor=2,
    expected_value=33.3333333333333,
    risk_reward_ratio=1,
    recovery_factor=0.3333333333333,
)
WITH_COSTS = GoldenAccount(
    cost_bps=10,
    equity=(
        10_000,
        10_000,
        10_390,
        10_290,
        10_090,
        10_269.4220801980,
        10_169.6210900990,
        10_159.6409910891,
        10_049.8770266560,
        10_039.8169899883,
        10_039.8169899883,
    ),
    pnl=(79.9, 79.7409910891, -119.8240011008),
    fees=60.3796766686,
    total_return=0.0039816989988,
    max_drawdown=-0.0337038508192,
    sharpe_per_bar=0.0311874952832,
    sharpe=2.9189896182551,
    sortino=5.9055361688303,
    profit_factor=1.3322956137546,
    expected_value=13.2723299961075,
    risk_reward_ratio=0.6661478068773,
    recovery_factor=0.1137033746640,
)
COLUMNS = (WITHOUT_COSTS, WITH_COSTS)


def make_klines(open_: FloatArray, close: FloatArray, *, interval: str = "1h", start_ms: int = 0) -> Klines:
    """Bars without gaps that have these opens and closes."""
    step = interval_ms(interval)
    return Klines(
        interval=interval,
        open_time=start_ms + np.arange(len(open_)) * step,
        open=np.asarray(open_, dtype=float),
        high=np.maximum(open_, close),
        low=np.minimum(open_, close),
        close=np.asarray(close, dtype=float),
        volume=np.ones(len(open_)),
    )


def run_golden(column: GoldenAccount, *, target: object = TARGET, klines: Klines | None = None) -> Backtest:
    """The golden account, or one with another target or other bars."""
    return run_backtest(
        klines or make_klines(OPEN, CLOSE),
        target,
        costs=Costs(fee_bps=column.cost_bps, slippage_bps=0),
        initial_equity=INITIAL_EQUITY,
        market="perp",
    )


def reference_equity(klines: Klines, target: np.ndarray, costs: Costs, initial_equity: float) -> list[float]:
    """The account bar by bar, in cash and coins: the slow twin of the engine."""
    cash, coins, held, curve = initial_equity, 0.0, 0, [initial_equity]

    def fill(quantity: float, price: float) -> None:
        nonlocal cash, coins
        paid = price * (1 + np.sign(quantity) * costs.slippage)
        cash -= quantity * paid + abs(quantity) * paid * costs.fee
        coins += quantity

    for bar in range(len(klines)):
        wanted = int(target[bar - 1]) if bar else 0
        if wanted != held:
            fill(-coins, klines.open[bar])
            held, coins = wanted, 0.0
            if wanted and cash > 0:
                fill(wanted * cash / (klines.open[bar] * (1 + wanted * costs.slippage)), klines.open[bar])
        if bar == len(klines) - 1 and cash + coins * klines.close[bar] > 0:
            fill(-coins, klines.close[bar])
            coins = 0.0
        curve.append(cash + coins * klines.close[bar])
        if curve[-1] <= 0:
            return curve[:-1] + [0.0] * (len(klines) + 2 - len(curve))
    return curve
