from collections.abc import Callable, Mapping
from functools import partial

import numpy as np
import pytest

from job.audit.doctored import moved, poisoned, truncated
from job.audit.future import (
    Build,
    Fault,
    freshness_faults,
    misaligned_cut_times,
    poison_faults,
    truncation_faults,
    warm_up_faults,
)
from job.data.feature_rows import FeatureRows
from job.data.klines import Klines, check_klines
from job.features import longer_intervals
from job.features.build import build_features
from job.features.definition import MAX_LOOKBACK_MS
from job.features.registry import feature_set
from job.intervals import HOUR_MS, MINUTE_MS
from tests.support import feature_mutants as mutants
from tests.support.klines import random_markets

MARKETS = random_markets(288 + 100, "15m", seed=27)  # its highest close is among the last bars
TARGET = MARKETS.pop("SOLUSDT")
CONTEXT = {"BTCUSDT": MARKETS["BTCUSDT"]}
build_honestly: Build = partial(build_features, feature_set("core", "15m", ("BTCUSDT",)))
Check = Callable[[Build], list[Fault]]


def cut_times() -> list[int]:
    """Six misaligned moments after the first row."""
    rows = build_honestly(TARGET, CONTEXT)
    return misaligned_cut_times(rows.open_time + 15 * MINUTE_MS, "15m", num=6, seed=3).tolist()


def truncation(build: Build) -> list[Fault]:
    """Faults of truncation on the series of this file."""
    return truncation_faults(build, TARGET, CONTEXT, cut_times())


def poison(build: Build) -> list[Fault]:
    """Faults of poison on the series of this file."""
    return poison_faults(build, TARGET, CONTEXT, cut_times(), seed=5)


@pytest.mark.parametrize("check", [truncation, poison])
def test_future_checks_pass_an_honest_build(check: Check) -> None:
    """The build of the product has no fault."""
    assert check(build_honestly) == []


@pytest.mark.parametrize(
    "column", [mutants.centred_window, mutants.global_range, mutants.backward_fill], ids=lambda c: c.__name__
)
@pytest.mark.parametrize("check", [truncation, poison])
def test_future_checks_catch_a_column_that_sees_the_future(check: Check, column: mutants.Column) -> None:
    """Centred windows, global ranges and backward fills are caught, in the planted column."""
    assert TARGET.close.argmax() > 380
    faults = check(mutants.with_column(build_honestly, column))
    assert {fault.feature for fault in faults} == {"planted"}
    assert {fault.check for fault in faults} == {check.__name__}
    assert all("target" in fault.changed for fault in faults)


@pytest.mark.parametrize("check", [truncation, poison])
def test_future_checks_catch_longer_bars_joined_on_their_open(check: Check, monkeypatch: pytest.MonkeyPatch) -> None:
    """Joining by open time shows in the features of longer bars."""
    monkeypatch.setattr(longer_intervals, "last_available", mutants.join_on_open)
    faults = check(build_honestly)
    assert faults
    assert {fault.feature[:3] for fault in faults} <= {"1h_", "4h_"}


def test_truncation_on_the_hour_would_miss_longer_bars_joined_on_their_open(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Cuts lie off the boundaries because on a 4h boundary each bar that has begun has also closed."""
    monkeypatch.setattr(longer_intervals, "last_available", mutants.join_on_open)
    boundary_ms = int(TARGET.available_at[-1]) // (4 * HOUR_MS) * (4 * HOUR_MS)
    faults = truncation_faults(build_honestly, TARGET, CONTEXT, [boundary_ms])
    assert [fault for fault in faults if "target" in fault.changed] == []


@pytest.mark.parametrize("check", [truncation, poison])
def test_future_checks_catch_a_context_joined_a_bar_early(check: Check) -> None:
    """A context bar that is used a bar before it closes is caught, in the context alone."""
    faults = check(mutants.with_context_shifted(build_honestly, "BTCUSDT", 1))
    assert any(fault.changed.startswith("BTCUSDT after") for fault in faults)
    assert not any(fault.changed.startswith("target after") for fault in faults)


@pytest.mark.parametrize("num_bars", [-1, -4])
def test_freshness_check_catches_a_context_joined_late(num_bars: int) -> None:
    """A context bar that is used bars after it closed is caught, though it leaks nothing."""
    mutant = mutants.with_context_shifted(build_honestly, "BTCUSDT", num_bars)
    assert truncation(mutant) == []
    assert [fault.changed for fault in freshness_faults(mutant, TARGET, CONTEXT, seed=1)] == ["newest bar of BTCUSDT"]
    assert freshness_faults(build_honestly, TARGET, CONTEXT, seed=1) == []


def test_warm_up_check_catches_a_column_that_never_forgets() -> None:
    """A mean over all bars so far depends on where the series began; the honest build does not."""
    check = partial(
        warm_up_faults, lookback_ms=MAX_LOOKBACK_MS, late_starts_bars=(20, 40, 80), target=TARGET, context=CONTEXT
    )
    assert check(build_honestly) == []
    faults = check(mutants.with_column(build_honestly, mutants.expanding_mean))
    assert [fault.feature for fault in faults] == ["planted"] * 3
    assert faults[0].changed == "series begin 20 bars later"


def test_checks_refuse_a_build_without_rows() -> None:
    """Where there is nothing to compare nothing would be proven."""

    def build_nothing(target: Klines, context: Mapping[str, Klines]) -> FeatureRows:
        return build_honestly(target, context).between(0, 0)

    for check in (truncation, poison, partial(freshness_faults, target=TARGET, context=CONTEXT, seed=1)):
        with pytest.raises(ValueError, match="nothing to check"):
            check(build_nothing)


def test_misaligned_cut_times_lie_on_closes_and_off_longer_boundaries() -> None:
    """Cuts are closes of rows, as many as asked for, never on 1h or 4h; the same seed gives the same."""
    rows = build_honestly(TARGET, CONTEXT)
    cuts = misaligned_cut_times(rows.open_time + 15 * MINUTE_MS, "15m", num=20, seed=1)
    assert len(cuts) == len(set(cuts.tolist())) == 20
    assert np.isin(cuts - 15 * MINUTE_MS, rows.open_time).all()
    assert (cuts % HOUR_MS != 0).all()
    assert np.array_equal(cuts, misaligned_cut_times(rows.open_time + 15 * MINUTE_MS, "15m", num=20, seed=1))


def test_doctored_bars_are_valid_and_changed_where_they_should_be() -> None:
    """Poison and moves keep every rule of klines and leave the other bars as they are."""
    cut_ms, generator = int(TARGET.available_at[200]), np.random.default_rng(1)
    noise = check_klines(poisoned(TARGET, cut_ms, generator=generator), where="poisoned")
    assert np.array_equal(noise.close[:201], TARGET.close[:201])
    assert (noise.close[201:] > 5 * TARGET.close[201:]).all()
    start_ms = int(TARGET.open_time[50])
    one_moved = check_klines(moved(TARGET, start_ms, start_ms + 1, generator=generator), where="moved")
    assert np.flatnonzero(one_moved.close != TARGET.close).tolist() == [50]
    assert int(truncated(TARGET, cut_ms).available_at[-1]) == cut_ms
