from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pytest

from job.audit.lookback import lookback_faults
from job.data.klines import Klines
from job.features.definition import MAX_LOOKBACK_MS, Feature, FeatureSet
from job.features.registry import feature_set
from job.intervals import HOUR_MS, MINUTE_MS, interval_ms
from tests.support.klines import random_markets

CONTEXT = ("BTCUSDT", "ETHUSDT")


def markets_of(interval: str) -> tuple[Klines, Mapping[str, Klines]]:
    """Target and context over a bit more than twice the longest lookback."""
    num_bars = 5 * MAX_LOOKBACK_MS // 2 // interval_ms(interval)
    markets = random_markets(num_bars, interval, seed=3)
    return markets.pop("SOLUSDT"), markets


def decision_times(interval: str, target: Klines) -> list[int]:
    """A close at which a 4h bar has just closed, the one before, and one in between."""
    closed = int(target.available_at[-1]) // (4 * HOUR_MS) * (4 * HOUR_MS)
    step_ms = interval_ms(interval)
    return [closed - step_ms, closed, closed - 2 * step_ms - HOUR_MS]


def with_lookbacks(features: FeatureSet, *, factor: float = 1.0, less_bars: int = 0) -> FeatureSet:
    """The set with every lookback that is longer than a bar declared otherwise."""
    step_ms = interval_ms(features.interval)

    def redeclared(feature: Feature) -> Feature:
        bars = int(feature.lookback_ms * factor) // step_ms - less_bars
        return replace(feature, lookback_ms=max(bars, 1) * step_ms) if feature.lookback_ms else feature

    return replace(features, features=tuple(map(redeclared, features.features)))


@pytest.mark.parametrize("interval", ["1m", "5m", "15m", "1h"])
def test_core_lookbacks_are_true(interval: str) -> None:
    """Bars before a feature's lookback change nothing beyond 1e-6, bars within it do."""
    target, context = markets_of(interval)
    features = feature_set("core", interval, CONTEXT)
    times = decision_times(interval, target)[: 1 if interval == "1m" else 3]
    assert [str(fault) for fault in lookback_faults(features, target, context, times)] == []


def test_finite_lookbacks_are_tight() -> None:
    """Declared one bar shorter, each feature with a finite window is found out."""
    target, context = markets_of("15m")
    features = feature_set("core", "15m", CONTEXT)
    smoothed = {"rsi", "adx", "macd", "wave", "average", "directional", "ewm"}
    finite = {
        feature.name
        for feature in features.features
        if feature.indicator.split("_")[0] not in smoothed and feature.lookback_ms > 15 * MINUTE_MS
    }
    times = target.available_at[-56:-40]
    faults = lookback_faults(with_lookbacks(features, less_bars=1), target, context, times)
    assert finite - {fault.feature for fault in faults} == set()


def test_recursive_lookbacks_are_needed() -> None:
    """Declared 0.4 times as long, each feature that smooths recursively is found out."""
    target, context = markets_of("5m")
    features = feature_set("core", "5m", CONTEXT)
    recursive = tuple(f for f in features.features if f.source == "target" and f.lookback_ms > 12 * HOUR_MS)
    assert len(recursive) == 10
    shortened = with_lookbacks(replace(features, features=recursive), factor=0.4)
    faults = lookback_faults(shortened, target, context, decision_times("5m", target))
    assert {feature.name for feature in recursive} == {fault.feature for fault in faults}


def test_lookback_faults_find_a_feature_that_looks_at_nothing() -> None:
    """A column that no bar within its lookback changes is a fault."""
    target, context = markets_of("1h")
    features = feature_set("core", "1h", CONTEXT)
    dead = replace(features.features[0], name="dead", compute=lambda chunk: np.zeros(len(chunk.target)))
    (fault,) = lookback_faults(replace(features, features=(dead,)), target, context, [int(target.available_at[-1])])
    assert str(fault).startswith("lookback: dead at 2025-01-08 11:00 UTC, changed: bars of the lookback")
