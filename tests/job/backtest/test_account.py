import numpy as np

from job.backtest.account import simple_returns
from tests.support.golden_bars import WITH_COSTS, run_golden


def test_simple_returns_stop_at_ruin() -> None:
    """Losing everything is -1, once; what follows is 0, not undefined."""
    assert list(simple_returns(np.array([100.0, 125.0, 0.0, 0.0]))) == [0.25, -1, 0]


def test_bar_returns_compound_to_the_equity() -> None:
    """Bar returns, one a bar, multiply back to the curve."""
    account = run_golden(WITH_COSTS)
    assert len(account.bar_returns) == len(account) == len(account.in_market)
    np.testing.assert_allclose(account.equity[0] * np.cumprod(1 + account.bar_returns), account.equity[1:], rtol=1e-13)


def test_trades_moved_keep_their_returns() -> None:
    """Later and larger trades have the same prices and the same pnl per notional."""
    trades = run_golden(WITH_COSTS).trades
    moved = trades.moved(num_bars=7, scale=3)
    assert np.array_equal(moved.entry_bar, trades.entry_bar + 7)
    assert np.array_equal(moved.num_bars, trades.num_bars)
    assert np.array_equal(moved.entry_price, trades.entry_price)
    np.testing.assert_allclose(moved.pnl / moved.entry_notional, trades.pnl / trades.entry_notional, rtol=1e-14)
    np.testing.assert_allclose(moved.fees, 3 * trades.fees)
    assert len(trades.first(2)) == 2
