import numpy as np
import pytest

from job.backtest.account import Backtest
from job.backtest.costs import Costs
from job.backtest.engine import run_backtest
from job.backtest.stitch import stitch
from job.intervals import HOUR_MS
from tests.support.golden_bars import make_klines

COSTS = Costs(fee_bps=5, slippage_bps=2)


def window(start_bar: int, seed: int, initial_equity: float = 1_000.0) -> Backtest:
    """A random account of 48 hours."""
    rng = np.random.default_rng(seed)
    close = 100 * np.exp(np.cumsum(rng.normal(0, 0.01, 48)))
    klines = make_klines(np.append(100, close[:-1]), close, start_ms=start_bar * HOUR_MS)
    target = rng.integers(-1, 2, 48)
    return run_backtest(klines, target, costs=COSTS, initial_equity=initial_equity, market="perp")


def test_stitch_compounds_and_conserves() -> None:
    """Total returns multiply, money is conserved, and no trade crosses a border."""
    parts = [window(0, 1), window(48, 2), window(200, 3)]
    whole = stitch(parts)
    growth = np.prod([part.equity[-1] / part.equity[0] for part in parts])
    assert whole.equity[-1] == pytest.approx(1_000 * growth, rel=1e-13)
    assert whole.trades.pnl.sum() == pytest.approx(whole.equity[-1] - whole.equity[0], abs=1e-8)
    assert len(whole) == 144
    assert whole.trades.num_bars.sum() == whole.in_market.sum()
    borders = np.array([48, 96])
    crosses = (whole.trades.entry_bar[:, None] < borders) & (whole.trades.exit_bar[:, None] > borders)
    assert not crosses.any()
    assert np.array_equal(whole.position[whole.trades.entry_bar], whole.trades.side)
    assert np.array_equal(whole.position[whole.trades.exit_bar - 1], whole.trades.side)


def test_stitch_keeps_every_bar_return() -> None:
    """The windows' returns follow one another unchanged, whatever equity each began with."""
    parts = [window(0, 1), window(48, 2, initial_equity=77.0)]
    expected = np.concatenate([part.bar_returns for part in parts])
    np.testing.assert_allclose(stitch(parts).bar_returns, expected, atol=1e-14)


def test_stitch_of_one_window_is_that_window() -> None:
    """There is nothing to join."""
    part = window(0, 4)
    whole = stitch([part])
    assert np.array_equal(whole.equity, part.equity)
    assert np.array_equal(whole.trades.pnl, part.trades.pnl)


def test_stitch_trades_nothing_after_ruin() -> None:
    """A window that lost everything leaves nothing for the next ones."""
    crash = make_klines([100, 100, 100.0], [100, 100, 250.0])
    ruined = run_backtest(crash, [-1, -1, -1], costs=COSTS, initial_equity=1_000, market="perp")
    whole = stitch([ruined, window(10, 5)])
    assert (whole.equity[3:] == 0).all()
    assert len(whole.trades) == 1
    assert not whole.in_market[3:].any()


def test_stitch_refuses_windows_out_of_order() -> None:
    """Overlapping, reversed and missing windows are refused."""
    with pytest.raises(ValueError, match="overlap"):
        stitch([window(0, 1), window(47, 2)])
    with pytest.raises(ValueError, match="overlap"):
        stitch([window(48, 1), window(0, 2)])
    with pytest.raises(ValueError, match="no window"):
        stitch([])
