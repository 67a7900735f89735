import numpy as np
import pandas as pd

from job.features.longer_intervals import last_available, resample, view_longer
from job.intervals import HOUR_MS, MINUTE_MS
from tests.support.features import grid_bars
from tests.support.klines import START_MS, random_klines


def test_resample_equals_pandas_on_complete_hours() -> None:
    """Longer bars are pandas' resampling, less the two hours that are cut off at the ends."""
    klines = random_klines(1000, seed=2, start_ms=START_MS + 20 * MINUTE_MS)
    hours = resample(grid_bars(klines), HOUR_MS)
    frame = pd.DataFrame(
        {name: getattr(klines, name) for name in ("open", "high", "low", "close", "volume")},
        index=pd.to_datetime(klines.open_time, unit="ms"),
    )
    rules = {"open": "first", "high": "max", "low": "min", "close": "last", "volume": "sum"}
    expected = frame.resample("1h").agg(rules).iloc[1:-1]
    assert (1000 + 4) % 12 != 0
    assert hours.open_time[0] == START_MS + HOUR_MS
    assert len(hours) == len(expected)
    for name in rules:
        np.testing.assert_allclose(getattr(hours, name), expected[name], rtol=1e-12)


def test_resample_of_less_than_a_bucket_is_empty() -> None:
    """No complete bucket, no longer bar."""
    assert len(resample(grid_bars(random_klines(11)), HOUR_MS)) == 0
    assert len(resample(grid_bars(random_klines(15, start_ms=START_MS + 5 * MINUTE_MS)), HOUR_MS)) == 0


def test_last_available_takes_what_closed_by_the_decision() -> None:
    """A bar that closes at the very moment counts; one that closes a millisecond later does not."""
    rows = last_available(np.array([100, 200]), np.array([99, 100, 199, 200, 201]))
    assert rows.tolist() == [-1, 0, 0, 1, 1]


def test_view_longer_shows_an_hour_from_its_close_on() -> None:
    """The 5m bar that opens at 01:55 is the first to see the hour that began at 01:00."""
    base = grid_bars(random_klines(48, seed=3))
    longer = view_longer(base, HOUR_MS)
    seen = longer.on_base(longer.bars.open_time.astype(np.float64))
    assert np.isnan(seen[:11]).all()
    assert (seen[11:23] == START_MS).all()
    assert (seen[23:35] == START_MS + HOUR_MS).all()
    closes = longer.on_base(longer.bars.close)
    assert closes[23] == base.close[23]
