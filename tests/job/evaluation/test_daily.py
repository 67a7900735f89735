from dataclasses import replace

import numpy as np
import pytest

from job.backtest.costs import Costs
from job.backtest.engine import run_backtest
from job.evaluation.daily import utc_daily_returns
from job.intervals import DAY_MS, HOUR_MS
from tests.support.golden_bars import make_klines


def account_from(start_ms: int, num_bars: int = 72):
    """A random hourly account."""
    rng = np.random.default_rng(5)
    close = 100 * np.exp(np.cumsum(rng.normal(0, 0.01, num_bars)))
    klines = make_klines(np.append(100, close[:-1]), close, start_ms=start_ms)
    target = np.where(np.arange(num_bars) < 30, rng.integers(-1, 2, num_bars), 0)
    costs = Costs(fee_bps=5, slippage_bps=2)
    return run_backtest(klines, target, costs=costs, initial_equity=1_000, market="perp")


def test_utc_daily_returns_end_at_midnight() -> None:
    """The bar that closes at midnight still belongs to its day, and days compound to the total."""
    account = account_from(10 * DAY_MS)
    daily = utc_daily_returns(account)
    assert list(daily.day) == [10 * DAY_MS, 11 * DAY_MS, 12 * DAY_MS]
    closes = account.equity[[0, 24, 48, 72]]
    np.testing.assert_allclose(daily.value, closes[1:] / closes[:-1] - 1, rtol=1e-12)
    assert list(daily.in_market) == [True, True, False]


def test_utc_daily_returns_keep_partial_days() -> None:
    """A span that starts at 11:00 touches one day more, and nothing is lost."""
    account = account_from(10 * DAY_MS + 11 * HOUR_MS)
    daily = utc_daily_returns(account)
    assert len(daily) == 4
    assert np.prod(1 + daily.value) == pytest.approx(account.equity[-1] / account.equity[0], rel=1e-13)


def test_utc_daily_returns_leave_out_days_without_bars() -> None:
    """A day that was not traded, because its window failed, is no return of zero."""
    account = account_from(0)
    gapped = replace(account, open_time=account.open_time + np.where(np.arange(72) >= 24, 7 * DAY_MS, 0))
    assert list(utc_daily_returns(gapped).day // DAY_MS) == [0, 8, 9]
    assert np.array_equal(utc_daily_returns(gapped).value, utc_daily_returns(account).value)
