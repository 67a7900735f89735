"""Seeded bars and feature rows to store and read back, and the market they belong to."""

import numpy as np

from job.data.feature_rows import FeatureRows, FeatureSetRecord
from job.data.klines import Klines, MarketKey
from job.intervals import interval_ms
from tests.support.klines import random_klines

MARKET = MarketKey(venue="binance-perp", symbol="SOLUSDT", interval="5m")
START_MS = 1_751_587_200_000  # 2025-07-04 00:00 UTC
STEP_MS = interval_ms(MARKET.interval)


def make_bars(num_bars: int) -> Klines:
    """Valid bars without a gap; longer series do not begin with shorter ones."""
    return random_klines(num_bars, MARKET.interval, start_ms=START_MS)


def make_feature_set(num_features: int, *, identity: str = "core-1f0a9c3e") -> FeatureSetRecord:
    """A set of ``num_features`` columns."""
    return FeatureSetRecord(
        identity=identity,
        names=tuple(f"feature_{number}" for number in range(num_features)),
        lookback_ms=tuple(STEP_MS * (number + 1) for number in range(num_features)),
    )


def make_feature_rows(num_rows: int, num_features: int, *, start_ms: int = START_MS, seed: int = 2) -> FeatureRows:
    """Normal feature values for consecutive bars."""
    values = np.random.default_rng(seed).standard_normal((num_rows, num_features), dtype=np.float32)
    open_time = start_ms + STEP_MS * np.arange(num_rows, dtype=np.int64)
    return FeatureRows(names=make_feature_set(num_features).names, open_time=open_time, values=values)
