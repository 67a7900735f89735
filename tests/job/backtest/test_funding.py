import numpy as np
import pytest

from job.backtest.funding import FUNDING_PERIOD_MS, FundingDays, constant_funding, funding_days, funding_on_bars
from job.backtest.market_bars import MarketBars
from job.intervals import DAY_MS, HOUR_MS
from tests.support.klines import START_MS, random_klines, without_bars


def test_funding_falls_into_the_bar_that_holds_its_moment() -> None:
    """On the open or a few milliseconds later it is that bar's; outside all bars it is nobody's."""
    klines = random_klines(6, "1h")
    due = START_MS + np.array([-1, 0, HOUR_MS + 3, 2 * HOUR_MS - 1, 5 * HOUR_MS, 6 * HOUR_MS])
    found = funding_on_bars(klines, due_ms=due, rate=np.array([9, 1, 2, 3, 4, 9.0]))
    assert list(found) == [1, 5, 0, 0, 0, 4]


def test_funding_due_in_a_hole_is_paid_after_it() -> None:
    """Who holds a position through missing bars pays in the first bar that there is."""
    klines = without_bars(random_klines(8, "1h"), 3, 6)
    found = funding_on_bars(klines, due_ms=np.array([START_MS + 4 * HOUR_MS]), rate=np.array([0.5]))
    assert list(found) == [0, 0, 0, 0.5, 0]


@pytest.mark.parametrize("interval", ["5m", "1h"])
def test_constant_funding_is_due_three_times_a_day(interval: str) -> None:
    """At 00:00, 08:00 and 16:00 UTC, wherever the bars begin."""
    klines = random_klines(2 * DAY_MS // {"5m": 300_000, "1h": HOUR_MS}[interval], interval)
    found = constant_funding(klines, rate_bps=1.5)
    is_due = klines.open_time % FUNDING_PERIOD_MS == 0
    assert is_due.sum() == 6
    np.testing.assert_allclose(found, np.where(is_due, 1.5e-4, 0), rtol=1e-12)
    later = slice(7, None)
    assert np.array_equal(constant_funding(klines.select(later), rate_bps=1.5), found[later])


def test_no_bars_have_no_funding() -> None:
    """An empty series stays one."""
    empty = random_klines(3, "1h").select(slice(0, 0))
    assert len(constant_funding(empty, rate_bps=1.0)) == 0
    assert len(funding_on_bars(empty, due_ms=np.array([0]), rate=np.array([1.0]))) == 0


def test_funding_days_count_the_days_that_settle() -> None:
    """A day in two slices counts once, one whose bars hold no settlement never, and one payment covers a day."""
    klines = random_klines(72 + 7, "1h")
    funding = np.zeros(79)
    funding[[0, 8, 30]] = 0.001, -0.002, 0.001
    bars = MarketBars.of(klines, funding=funding)
    assert funding_days([bars.select(slice(9, 79))]) == FundingDays(num_settled=4, num_charged=1)
    assert funding_days([bars.select(slice(0, 12)), bars.select(slice(12, 79))]) == FundingDays(
        num_settled=4, num_charged=2
    )
    assert funding_days([bars.select(slice(1, 8))]) == FundingDays(num_settled=0, num_charged=0)
