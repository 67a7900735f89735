import numpy as np

from job.backtest.market_bars import MarketBars
from tests.support.klines import random_klines


def test_market_bars_are_cut_with_their_terms() -> None:
    """Whatever rows are taken, sizes, distances and funding stay with their bars, and they stay market bars."""
    klines = random_klines(30, "1h")
    bars = MarketBars.of(klines, size=np.arange(30.0), stop=0.02, funding=np.arange(30.0) / 100)
    cut = bars.between(int(klines.open_time[5]), int(klines.open_time[9]))
    assert isinstance(cut, MarketBars)
    assert list(cut.size) == [5, 6, 7, 8]
    assert list(cut.stop) == [0.02] * 4
    assert list(cut.take) == [np.inf] * 4
    assert list(cut.funding) == [0.05, 0.06, 0.07, 0.08]
    assert np.array_equal(cut.close, klines.close[5:9])


def test_plain_terms_are_the_whole_account() -> None:
    """Unless told otherwise: size 1, no exits, no funding."""
    bars = MarketBars.of(random_klines(4, "1h"))
    assert list(bars.terms.size) == [1] * 4
    assert not bars.terms.have_exits
    assert not bars.has_funding
