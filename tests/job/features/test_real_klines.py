"""The default set on real bars; skips where they are not there."""

from pathlib import Path

import numpy as np
import pytest

from job.data.klines import Klines, check_klines
from job.features.build import build_features
from job.features.registry import feature_set
from job.intervals import floor_day

FOLDER = Path(__file__).parents[4] / "shared" / "data"
COLUMNS = ("open", "high", "low", "close", "volume")


def load(symbol: str) -> Klines:
    """Bars of a file with a header line, or a skip."""
    path = FOLDER / f"{symbol}-5m.csv.gz"
    if not path.exists():
        pytest.skip(f"{path.name} is not there")
    table = np.loadtxt(path, delimiter=",", skiprows=1)
    columns = {name: table[:, number] for number, name in enumerate(COLUMNS, start=1)}
    klines = Klines(interval="5m", open_time=table[:, 0].astype(np.int64), **columns)
    return check_klines(klines, where=path.name)


def test_core_of_real_bars_has_a_row_for_each_bar_after_72_hours() -> None:
    """All but the first 863 bars have a row, no column is constant, and a resumed run gives the same."""
    target, bitcoin, ether = (load(symbol) for symbol in ("SOLUSDT", "BTCUSDT", "ETHUSDT"))
    features = feature_set("core", "5m", ("BTCUSDT", "ETHUSDT"))
    context = {"BTCUSDT": bitcoin, "ETHUSDT": ether}
    rows = build_features(features, target, context)
    assert np.array_equal(rows.open_time, target.open_time[863:])
    assert np.isfinite(rows.values).all()
    assert (rows.values.std(axis=0) > 0).all()
    assert np.abs(rows.values).max() < 1000
    last_ms = int(rows.open_time[-1])
    resumed = build_features(features, target, context, from_ms=last_ms)
    assert resumed.values.tobytes() == rows.between(floor_day(last_ms), last_ms + 1).values.tobytes()
