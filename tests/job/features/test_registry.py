import subprocess
import sys
from dataclasses import replace

import pytest

from job.errors import ConfigError
from job.features import definition
from job.features.definition import Feature, FeatureSet
from job.features.registry import feature_set
from job.intervals import HOUR_MS, INTERVAL_MS

CONTEXT = ("BTCUSDT", "ETHUSDT")
CORE = feature_set("core", "5m", CONTEXT)


def changed(**changes: object) -> FeatureSet:
    """The core set with its ninth feature changed."""
    features = list(CORE.features)
    features[9] = replace(features[9], **changes)
    return replace(CORE, features=tuple(features))


@pytest.mark.parametrize("interval", INTERVAL_MS)
def test_core_looks_back_72_hours_at_most(interval: str) -> None:
    """Every feature of every interval has a lookback within 72 h, and a name of its own and a meaning."""
    core = feature_set("core", interval, CONTEXT)
    assert max(core.record.lookback_ms) <= 72 * HOUR_MS
    assert len(set(core.record.names)) == len(core.features)
    assert all(feature.meaning for feature in core.features)
    assert len({feature.meaning for feature in core.features}) > len(core.features) / 2


def test_core_has_its_promised_size() -> None:
    """About forty features of a symbol, ten for each context symbol, three Fourier pairs."""
    assert len(CORE.features) == 71
    assert len(feature_set("core", "5m", ()).features) == 51
    assert len(feature_set("core", "1h", CONTEXT).features) == 60


def test_core_smooths_recursively_on_short_bars_only() -> None:
    """RSI, ADX, MACD, ATR and exponential means are found up to 15m, never on longer bars."""
    recursive = {"rsi", "adx", "macd_line", "wave_trend", "average_true_range", "ewm_volatility_contrast"}
    for interval in INTERVAL_MS:
        found = {(feature.indicator, feature.source) for feature in feature_set("core", interval, CONTEXT).features}
        expected = {(name, "target") for name in recursive} if interval in ("1m", "3m", "5m", "15m") else set()
        assert {(name, source) for name, source in found if name in recursive} == expected


def test_feature_set_identity_is_its_name_and_eight_hex_digits() -> None:
    """The identity of the default set is this one; a change of any definition shows here first."""
    assert CORE.record.identity == "core-1082ac16"


def test_feature_set_identity_is_the_same_in_another_process() -> None:
    """Hash seeds and import order do not matter."""
    code = (
        "from job.features.registry import feature_set;"
        "print(feature_set('core', '5m', ('BTCUSDT', 'ETHUSDT')).record.identity)"
    )
    run = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert run.stdout.strip() == CORE.record.identity


@pytest.mark.parametrize(
    "changes",
    [
        {"name": "another"},
        {"parameters": {"length": 23}},
        {"lookback_ms": 1},
        {"version": 2},
        {"indicator": "another"},
        {"source": "1h"},
    ],
    ids=str,
)
def test_feature_set_identity_changes_with_each_part_of_a_definition(changes: dict[str, object]) -> None:
    """Another name, parameter, lookback, version, indicator or source is another set."""
    assert changed(**changes).record.identity != CORE.record.identity


def test_feature_set_identity_changes_with_what_the_set_is_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """Interval, context, order of columns and the shared rules are part of the identity; a meaning is not."""
    others = [
        feature_set("core", "15m", CONTEXT),
        feature_set("core", "5m", CONTEXT[:1]),
        feature_set("core", "5m", CONTEXT[::-1]),
        replace(CORE, interval="3m"),
        replace(CORE, features=CORE.features[::-1]),
    ]
    identities = {one.record.identity for one in [CORE, *others]}
    assert len(identities) == 6
    assert changed(meaning="said otherwise").record.identity == CORE.record.identity
    monkeypatch.setattr(definition, "RULES_VERSION", definition.RULES_VERSION + 1)
    assert replace(CORE).record.identity not in identities


def test_feature_refuses_a_lookback_beyond_the_chunk() -> None:
    """More than 72 h would read bars that a chunk does not hold."""
    with pytest.raises(ValueError, match="over the 72 h"):
        replace(CORE.features[0], lookback_ms=72 * HOUR_MS + 1)
    assert isinstance(replace(CORE.features[0], lookback_ms=72 * HOUR_MS), Feature)


def test_feature_set_refuses_what_it_does_not_know() -> None:
    """An unknown set names the known ones; a context symbol is named once; the interval must exist."""
    with pytest.raises(ConfigError, match=r"no feature set 'cor'.*Known sets: core"):
        feature_set("cor", "5m", CONTEXT)
    with pytest.raises(ConfigError, match="occurs twice in BTCUSDT,BTCUSDT"):
        feature_set("core", "5m", ("BTCUSDT", "BTCUSDT"))
    with pytest.raises(ValueError, match="interval '2m'"):
        feature_set("core", "2m", CONTEXT)
