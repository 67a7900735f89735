"""An account in cash and coins, bar by bar: what the vectorised engine must equal, with sizes, exits and funding."""

from dataclasses import dataclass, field

from job.arrays import FloatArray
from job.backtest.costs import Costs
from job.backtest.exits import ExitReason
from job.backtest.orders import Orders
from job.data.klines import Klines


@dataclass
class CashAccount:
    """The state of the account, and the log of what it did."""

    costs: Costs
    cash: float
    coins: float = 0.0
    side: int = 0
    entry_bar: int = 0
    stop: float = 0.0
    take: float = 0.0
    equity: list[float] = field(default_factory=list)
    trades: list[tuple[int, int, ExitReason]] = field(default_factory=list)  # entry bar, exit bar, reason

    def enter(self, bar: int, price: float, side: int, terms: list[float]) -> None:
        """Buy or sell, paying slippage and fee; ``terms`` are size and distances."""
        size, stop, take = terms
        filled = price * (1 + side * self.costs.slippage)
        quantity = size * self.cash / filled
        self.cash -= side * quantity * filled + self.costs.fee * quantity * filled
        self.coins, self.side, self.entry_bar = side * quantity, side, bar
        self.stop, self.take = price * (1 - side * stop), price * (1 + side * take)

    def leave(self, bar: int, price: float, reason: ExitReason) -> None:
        """Close what is open."""
        filled = price * (1 - self.side * self.costs.slippage)
        self.cash += self.coins * filled - self.costs.fee * abs(self.coins) * filled
        self.trades.append((self.entry_bar, bar, reason))
        self.coins, self.side = 0.0, 0


def replay_by_loop(
    klines: Klines, orders: Orders, *, costs: Costs, initial_equity: float, funding: FloatArray
) -> CashAccount:
    """Walk through the bars once, knowing at each only what has happened."""
    account = CashAccount(costs=costs, cash=initial_equity, equity=[initial_equity])
    spent, before = False, 0  # whether the signal that still lasts has had its trade
    for bar in range(len(klines)):
        opened, high, low, close = (float(c[bar]) for c in (klines.open, klines.high, klines.low, klines.close))
        terms = [float(c[bar - 1]) for c in (orders.terms.size, orders.terms.stop, orders.terms.take)]
        is_known = all(term > 0 for term in terms)
        wanted = int(orders.side[bar - 1]) if bar > 0 else 0
        if wanted != before:
            spent = False
        before = wanted
        account.cash -= account.coins * opened * float(funding[bar])
        if account.side != 0:
            _leave_at_open(account, bar, opened, wanted, orders.max_hold)
        if account.cash <= 0 and account.side == 0:
            return _ruined(account, len(klines))
        if account.side == 0 and wanted != 0 and is_known and not spent:
            account.enter(bar, opened, wanted, terms)
            spent = True
        if account.side != 0:
            _leave_inside(account, bar, high, low)
        worth = account.cash + account.coins * close
        if worth <= 0:
            if account.side != 0:
                account.leave(bar + 1, close, ExitReason.END)
            return _ruined(account, len(klines))
        account.equity.append(worth)
    if account.side != 0:
        account.leave(len(klines), close, ExitReason.END)
        account.equity[-1] = max(account.cash, 0.0)
    return account


def _leave_at_open(account: CashAccount, bar: int, opened: float, wanted: int, max_hold: int | None) -> None:
    if wanted != account.side:
        account.leave(bar, opened, ExitReason.SIGNAL)
    elif max_hold is not None and bar - account.entry_bar >= max_hold:
        account.leave(bar, opened, ExitReason.TIME)
    elif account.side * (opened - account.stop) <= 0:
        account.leave(bar, opened, ExitReason.STOP)
    elif account.side * (opened - account.take) >= 0:
        account.leave(bar, opened, ExitReason.TAKE_PROFIT)


def _leave_inside(account: CashAccount, bar: int, high: float, low: float) -> None:
    worst, best = (low, high) if account.side > 0 else (high, low)
    if account.side * (worst - account.stop) <= 0:
        account.leave(bar + 1, account.stop, ExitReason.STOP)
    elif account.side * (best - account.take) >= 0:
        account.leave(bar + 1, account.take, ExitReason.TAKE_PROFIT)


def _ruined(account: CashAccount, num_bars: int) -> CashAccount:
    account.equity += [0.0] * (num_bars + 1 - len(account.equity))
    return account
