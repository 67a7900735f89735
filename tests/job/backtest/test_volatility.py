from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from job.backtest.volatility import ATR_BARS, annual_volatility, relative_true_range, size_for
from job.data.klines import Klines
from job.intervals import DAY_MS, bars_per_day, bars_per_year, interval_ms
from tests.support.klines import random_klines, without_bars

MEASURES = {
    "true range": relative_true_range,
    "volatility": lambda klines: annual_volatility(klines, bars_per_year=bars_per_year(klines.interval)),
}


def test_relative_true_range_is_the_mean_of_fourteen() -> None:
    """A loop over the definition, gaps between close and open included; NaN before the fifteenth bar."""
    klines = random_klines(60, "1h", seed=2)
    klines = replace(klines, open=klines.open * 1.001)
    found = relative_true_range(klines)
    assert np.isnan(found[:ATR_BARS]).all()
    for bar in range(ATR_BARS, 60):
        ranges = []
        for i in range(bar - ATR_BARS + 1, bar + 1):
            high, low, before = klines.high[i], klines.low[i], klines.close[i - 1]
            ranges.append(max(high - low, abs(high - before), abs(low - before)))
        assert found[bar] == pytest.approx(np.mean(ranges) / klines.close[bar], rel=1e-12)


def test_market_that_stands_still_has_no_true_range() -> None:
    """Fourteen bars without any move are not known, never 0; one move among them is."""
    flat = replace(random_klines(40, "1h"), **{name: np.full(40, 5.0) for name in ("open", "high", "low", "close")})
    assert np.isnan(relative_true_range(flat)).all()
    high = flat.high.copy()
    high[20] = 5.1
    found = relative_true_range(replace(flat, high=high))
    assert list(np.flatnonzero(np.isfinite(found))) == list(range(20, 20 + ATR_BARS))


def test_annual_volatility_of_even_steps() -> None:
    """Steps of 1 % up and down at 1h are .01 * sqrt(8760) a year, once half a day of them is known."""
    steps = np.where(np.arange(80) % 2 == 0, 0.01, -0.01)
    found = annual_volatility(random_klines(80, "1h", log_returns=steps), bars_per_year=8760)
    assert np.isnan(found[:12]).all()
    np.testing.assert_allclose(found[12:], 0.01 * np.sqrt(8760), rtol=1e-9)


def test_annual_volatility_leaves_holes_out() -> None:
    """A jump across missing bars is no return of a bar, and a day with few bars says nothing."""
    steps = np.full(200, 0.001)
    steps[100] = 0.5
    holed = without_bars(random_klines(200, "1h", log_returns=steps), 95, 106)
    found = annual_volatility(holed, bars_per_year=8760)
    assert np.nanmax(found) == pytest.approx(0.001 * np.sqrt(8760), rel=1e-9)
    sparse = random_klines(200, "1h").select(np.arange(0, 200, 3))
    assert np.isnan(annual_volatility(sparse, bars_per_year=8760)).all()


@pytest.mark.parametrize("name", MEASURES)
@given(
    seed=st.integers(0, 99), interval=st.sampled_from(["15m", "1h"]), hole=st.integers(15, 200), wide=st.integers(0, 40)
)
@settings(max_examples=100, deadline=None)
def test_measure_is_the_same_wherever_the_bars_begin(name: str, seed: int, interval: str, hole: int, wide: int) -> None:
    """With a day of bars before it, a row is equal to the bit to that of a longer series; holes or none."""
    klines = without_bars(random_klines(400, interval, seed=seed), hole, hole + wide)
    whole = MEASURES[name](klines)
    start_ms = int(klines.open_time[0]) + 2 * bars_per_day(interval) * interval_ms(interval) // 3 + DAY_MS
    cut = klines.between(start_ms - DAY_MS, int(klines.open_time[-1]) + 1)
    is_asked = cut.open_time >= start_ms
    assert is_asked.any()
    expected = whole[klines.open_time >= start_ms]
    assert MEASURES[name](cut)[is_asked].tobytes() == expected.tobytes()


@pytest.mark.parametrize("name", MEASURES)
def test_measure_knows_only_the_past(name: str) -> None:
    """Bars after a row, made a thousand times dearer, leave it to the bit."""
    klines = random_klines(300, "1h", seed=5)
    cut = 201

    def poisoned(column: np.ndarray) -> np.ndarray:
        return np.where(np.arange(300) < cut, column, 1000 * column)

    other = Klines(
        interval="1h",
        open_time=klines.open_time,
        volume=klines.volume,
        **{c: poisoned(getattr(klines, c)) for c in ("open", "high", "low", "close")},
    )
    assert MEASURES[name](other)[:cut].tobytes() == MEASURES[name](klines)[:cut].tobytes()


@pytest.mark.parametrize("num_bars", [0, 1, 12])
def test_few_bars_are_unknown(num_bars: int) -> None:
    """Too short a series has no number anywhere."""
    for measure in MEASURES.values():
        found = measure(random_klines(20, "1h").select(slice(0, num_bars)))
        assert len(found) == num_bars
        assert np.isnan(found).all()


def test_size_aims_at_the_target_up_to_the_largest() -> None:
    """Twice the volatility is half the size; calm markets are capped, a dead one too; unknown stays unknown."""
    found = size_for(np.array([1.0, 0.5, 0.1, 0.0, np.nan]), target=0.5, max_size=2.0)
    np.testing.assert_allclose(found, [0.5, 1.0, 2.0, 2.0, np.nan])
