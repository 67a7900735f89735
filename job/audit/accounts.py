"""An account's arithmetic: what trades cost, what adds up, and what an account without skill must be. Pure.

The engine is an argument, and nothing of its method is used: trades on bars that do not move, sums of stored
numbers, and a position that never changes say what every right engine must give.
"""

from collections.abc import Callable

import numpy as np

from job.arrays import FloatArray
from job.audit.finding import AuditFinding, Claim
from job.audit.marks import marked_equity
from job.backtest.account import Backtest
from job.backtest.costs import BPS, Costs
from job.data.klines import Klines

FEES_BPS = (0.0, 1.0, 5.0, 20.0)
MONEY = 1e-8  # sums of money agree to this share of the account
EXACT = 1e-12
CALM_BARS = 8

COSTS = Claim(
    check="costs",
    proves="each higher fee or slippage earns less on the same trades, and both sides of each trade pay it",
    remedy="Costs are charged wrongly, so no net result of this version can be believed.",
)
CONSERVATION = Claim(
    check="conservation",
    proves="equity, bars, trades and fees add up to the same money, and no trade leaves its window",
    remedy="The account loses or makes money by itself: no result of this version can be believed.",
)
LIMITS = Claim(
    check="limits",
    proves="always long without costs is buy and hold, always flat is exactly zero, and the other side mirrors a bar",
    remedy="The account earns something else than its positions do: no result of this version can be believed.",
)

# From bars, targets and costs to an account that starts with 1.
Engine = Callable[[Klines, np.ndarray, Costs], Backtest]


def check_costs(*, engine: Engine, klines: Klines, target: np.ndarray) -> AuditFinding:
    """Raise fee and slippage on the same targets, and let trades of either side pay on bars that do not move."""
    free = engine(klines, target, Costs(fee_bps=0, slippage_bps=0))
    if not len(free.trades):
        return COSTS.not_run("nothing is traded")
    faults = []
    kinds = ("fee", "slippage")
    returns: dict[str, list[float]] = {kind: [] for kind in kinds}
    for bps in FEES_BPS:
        for kind in kinds:
            costs = Costs(fee_bps=bps if kind == "fee" else 0, slippage_bps=bps if kind == "slippage" else 0)
            account = engine(klines, target, costs)
            returns[kind].append(float(account.equity[-1] / account.equity[0] - 1))
            if not np.array_equal(account.position, free.position):
                faults.append(f"{kind} {bps:g} bp changes what is held")
    faults += [f"a higher {kind} earns more" for kind, values in returns.items() if not (np.diff(values) < 0).all()]
    largest = 0.0
    for side in (1, -1):
        for costs in (Costs(fee_bps=10, slippage_bps=0), Costs(fee_bps=0, slippage_bps=10)):
            loss = -float(np.log(_on_calm_bars(engine, klines, side, costs)))
            largest = max(largest, abs(loss / (2 * 10 * BPS) - 1))
    if largest > 0.01:
        faults.append("a round trip on bars that do not move does not cost its two sides")
    shown = ", ".join(f"{value:+.2%}" for value in returns["fee"])
    return COSTS.judge(
        not faults,
        f"{len(free.trades)} trades at fees of {', '.join(f'{bps:g}' for bps in FEES_BPS)} bp return {shown}; a round "
        f"trip is off its price by {largest:.2%}" + _first(faults),
    )


def check_conservation(*, engine: Engine, klines: Klines, target: np.ndarray, costs: Costs) -> AuditFinding:
    """Equity against trades, bars and fees of the same account."""
    account = engine(klines, target, costs)
    trades = account.trades
    if not len(trades):
        return CONSERVATION.not_run("nothing is traded")
    num_outside = int(((trades.entry_bar < 1) | (trades.exit_bar > len(klines))).sum())
    if num_outside:
        return CONSERVATION.judge(False, f"{num_outside} of {len(trades)} trades leave the bars of their window")
    earned = float(account.equity[-1] - account.equity[0])
    marked = marked_equity(account, klines, costs)
    by_bar = np.abs(marked - account.equity[1:])[np.isfinite(marked)]
    fees = costs.fee * (trades.entry_notional + trades.exit_notional)
    gross = trades.side * trades.quantity * (trades.exit_price - trades.entry_price)
    apart = {
        "trades": abs(earned - float(trades.pnl.sum())),
        "bar by bar": float(by_bar.max()),
        "fees": float(np.abs(fees - trades.fees).max()),
        "trade by trade": float(np.abs(gross - trades.fees - trades.funding - trades.pnl).max()),
    }
    worst = max(apart, key=apart.__getitem__)
    return CONSERVATION.judge(
        apart[worst] <= MONEY * float(account.equity[0]),
        f"{len(trades)} trades, {earned:+.6f} earned, fees {float(trades.fees.sum()):.6f}; largest difference "
        f"{apart[worst]:.1e} ({worst}), no trade outside the bars",
    )


def check_limits(*, engine: Engine, klines: Klines) -> AuditFinding:
    """Always long, always flat, and one bar on each side in turn."""
    free = Costs(fee_bps=0, slippage_bps=0)
    num_bars = len(klines)
    if num_bars < CALM_BARS:
        return LIMITS.not_run(f"there are fewer than {CALM_BARS} bars")
    long = engine(klines, np.ones(num_bars, dtype=np.int8), free).equity
    hold = np.concatenate([[1.0, 1.0], klines.close[1:] / klines.open[1]])
    flat = engine(klines, np.zeros(num_bars, dtype=np.int8), Costs(fee_bps=5, slippage_bps=2)).equity
    joined = _without_jumps(klines)
    in_turn = np.tile(np.array([1, 0, -1, 0], dtype=np.int8), num_bars // 4 + 1)[:num_bars]
    one, other = (engine(joined, side * in_turn, free).bar_returns for side in (1, -1))
    apart = {
        "buy and hold": float(np.abs(long / long[0] - hold).max()),
        "flat": float(np.abs(flat - flat[0]).max()),
        "mirrored bars": float(np.abs(one + other).max()),
    }
    worst = max(apart, key=apart.__getitem__)
    return LIMITS.judge(apart[worst] <= EXACT, f"{num_bars:,} bars, largest difference {apart[worst]:.1e} ({worst})")


def _on_calm_bars(engine: Engine, klines: Klines, side: int, costs: Costs) -> float:
    """What is left of 1 after one round trip at one price."""
    price = np.full(CALM_BARS, float(klines.close[0]))
    calm = Klines(
        interval=klines.interval,
        open_time=klines.open_time[0] + np.arange(CALM_BARS) * int(klines.available_at[0] - klines.open_time[0]),
        open=price,
        high=price,
        low=price,
        close=price,
        volume=np.ones(CALM_BARS),
    )
    target = np.zeros(CALM_BARS, dtype=np.int8)
    target[2:5] = side
    return float(engine(calm, target, costs).equity[-1])


def _without_jumps(klines: Klines) -> Klines:
    """The bars with each open at the close before, so that a bar's return is its own."""
    open_: FloatArray = np.concatenate([klines.open[:1], klines.close[:-1]])
    return Klines(
        interval=klines.interval,
        open_time=klines.open_time,
        open=open_,
        high=np.maximum(klines.high, open_),
        low=np.minimum(klines.low, open_),
        close=klines.close,
        volume=klines.volume,
    )


def _first(faults: list[str]) -> str:
    return f"; {faults[0]}" if faults else ""
