from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pytest

from job.audit.future import (
    freshness_faults,
    misaligned_cut_times,
    poison_faults,
    truncation_faults,
    warm_up_faults,
)
from job.data.feature_rows import FeatureRows
from job.data.klines import Klines
from job.features.build import build_features, first_bar_needed
from job.features.definition import MAX_LOOKBACK_MS
from job.features.registry import feature_set
from job.intervals import DAY_MS, HOUR_MS, bars_per_day, floor_day, interval_ms
from tests.support.klines import START_MS, random_markets, without_bars

CONTEXT = ("BTCUSDT", "ETHUSDT")
MIDDAY_MS = START_MS + 11 * HOUR_MS + 40 * 60_000  # off 1h and 4h, as real series are


def markets_of(
    interval: str, num_days: float, *, seed: int = 0, start_ms: int = START_MS
) -> tuple[Klines, dict[str, Klines]]:
    """A target and its context."""
    markets = random_markets(int(num_days * bars_per_day(interval)), interval, seed, start_ms=start_ms)
    return markets.pop("SOLUSDT"), markets


def build_core(target: Klines, context: Mapping[str, Klines], from_ms: int | None = None) -> FeatureRows:
    """Rows of the core set with BTC and ETH."""
    return build_features(feature_set("core", target.interval, CONTEXT), target, context, from_ms=from_ms)


def assert_same(left: FeatureRows, right: FeatureRows) -> None:
    """The same rows, bit for bit."""
    assert left.names == right.names
    assert np.array_equal(left.open_time, right.open_time)
    assert left.values.tobytes() == right.values.tobytes()


@pytest.mark.parametrize("interval", ["5m", "15m", "1h"])
def test_rows_know_nothing_of_the_future(interval: str) -> None:
    """Cutting or poisoning the future, together or market by market, leaves 20 pasts bit for bit."""
    start_ms = MIDDAY_MS if interval == "5m" else START_MS + 11 * HOUR_MS
    num_days = 4.4 if interval == "1h" else 3.7  # enough rows for the cuts, over a midnight
    target, context = markets_of(interval, num_days, start_ms=start_ms)
    rows = build_core(target, context)
    cut_times = misaligned_cut_times(rows.open_time + interval_ms(interval), interval, num=20, seed=1)
    assert len(cut_times) == 20
    assert [str(fault) for fault in truncation_faults(build_core, target, context, cut_times)] == []
    assert [str(fault) for fault in poison_faults(build_core, target, context, cut_times, seed=2)] == []


def test_rows_know_nothing_of_the_future_across_gaps() -> None:
    """The same holds where target and context have holes of their own."""
    target, context = markets_of("15m", 4.4)
    target = without_bars(target, 307, 317)
    context["BTCUSDT"] = without_bars(context["BTCUSDT"], 312, 345)
    cut_times = misaligned_cut_times(build_core(target, context).open_time + interval_ms("15m"), "15m", num=5, seed=1)
    assert truncation_faults(build_core, target, context, cut_times) == []
    assert poison_faults(build_core, target, context, cut_times, seed=2) == []


@pytest.mark.parametrize("interval", ["5m", "15m"])
def test_last_row_forgets_where_the_series_began(interval: str) -> None:
    """Series that begin 200, 400 and 800 bars before the lookback end in the same row to 1e-6."""
    num_days = 3.1 + 800 / bars_per_day(interval)
    target, context = markets_of(interval, num_days, start_ms=MIDDAY_MS - MIDDAY_MS % interval_ms(interval))
    assert warm_up_faults(build_core, target, context, lookback_ms=MAX_LOOKBACK_MS) == []


def test_newest_bar_of_each_market_reaches_the_last_row() -> None:
    """No market is joined a bar late."""
    target, context = markets_of("15m", 4)
    assert freshness_faults(build_core, target, context, seed=1) == []


def test_rows_begin_72_hours_after_the_first_bar() -> None:
    """The first row is that of the bar that closes when 72 h of bars are there; then each bar has one."""
    target, context = markets_of("15m", 5, start_ms=START_MS + 7 * HOUR_MS)
    rows = build_core(target, context)
    first = MAX_LOOKBACK_MS // interval_ms("15m") - 1
    assert np.array_equal(rows.open_time, target.open_time[first:])
    assert rows.values.dtype == np.float32
    assert np.isfinite(rows.values).all()
    assert len(build_core(target.select(slice(0, first)), context)) == 0


def test_context_features_are_of_the_bar_that_closes_with_the_row() -> None:
    """The row's one-bar return of BTC is that of BTC's bar of the same open time."""
    target, context = markets_of("15m", 3.5)
    rows = build_core(target, context)
    bitcoin = context["BTCUSDT"]
    row = np.searchsorted(bitcoin.open_time, rows.open_time)
    expected = np.log(bitcoin.close[row] / bitcoin.close[row - 1])
    np.testing.assert_allclose(rows.values[:, rows.names.index("btcusdt_log_return_1")], expected, rtol=1e-5)


@pytest.mark.parametrize("from_day", [3, 4.5, 5])
def test_incremental_rows_are_those_of_a_full_run(from_day: float) -> None:
    """From any moment on, with no more bars than are needed, rows are those of the full run bit for bit."""
    target, context = markets_of("15m", 6.3, start_ms=START_MS + 7 * HOUR_MS)
    context["ETHUSDT"] = without_bars(context["ETHUSDT"], 180, 240)
    from_ms = START_MS + int(from_day * DAY_MS)
    full = build_core(target, context)
    expected = full.between(floor_day(from_ms), int(full.open_time[-1]) + 1)
    assert len(expected)
    assert_same(build_core(target, context, from_ms), expected)
    needed_ms = first_bar_needed(from_ms)
    recent = {name: market.between(needed_ms, 2**62) for name, market in context.items()}
    assert_same(build_core(target.between(needed_ms, 2**62), recent, from_ms), expected)


def test_incremental_rows_are_those_of_a_full_run_whatever_hole_begins_the_bars() -> None:
    """Holes around the first bar that is needed, filled or not, give the full run's rows."""
    target, context = markets_of("1h", 12)
    from_ms = START_MS + 8 * DAY_MS
    needed_hour = (first_bar_needed(from_ms) - START_MS) // HOUR_MS
    for first, num_missing in [(needed_hour + 1, 24), (needed_hour, 24), (needed_hour + 1, 25), (needed_hour - 9, 40)]:
        holed = {**context, "BTCUSDT": without_bars(context["BTCUSDT"], first, first + num_missing)}
        full = build_core(target, holed)
        needed_ms = first_bar_needed(from_ms)
        recent = {name: market.between(needed_ms, 2**62) for name, market in holed.items()}
        expected = full.between(from_ms, 2**62)
        assert len(expected)
        assert_same(build_core(target.between(needed_ms, 2**62), recent, from_ms), expected)


def test_incremental_rows_are_those_of_a_full_run_after_a_collapse() -> None:
    """Bars that are not needed are not used: a fall by a factor of 1e8 just before them leaves no trace."""
    target, context = markets_of("15m", 7)
    from_ms = START_MS + 6 * DAY_MS
    factor = np.where(target.open_time < first_bar_needed(from_ms), 1e8, 1.0)
    prices = {name: getattr(target, name) * factor for name in ("open", "high", "low", "close")}
    collapsed = replace(target, **prices)
    expected = build_core(target, context, from_ms)
    assert len(expected) == 96
    assert_same(build_core(collapsed, context).between(from_ms, 2**62), expected)


def test_incremental_rows_after_a_late_context_are_those_of_a_full_run() -> None:
    """While a context symbol is late rows wait for it; when it has come they are as if it never was late."""
    target, context = markets_of("15m", 5)
    late = {**context, "BTCUSDT": context["BTCUSDT"].select(slice(0, 440))}
    before = build_core(target, late)
    assert before.open_time[-1] == target.open_time[439]
    resumed = build_core(target, context, int(before.open_time[-1]))
    full = build_core(target, context)
    today_ms = floor_day(int(before.open_time[-1]))
    assert_same(before.between(0, today_ms), full.between(0, today_ms))
    assert_same(resumed, full.between(today_ms, 2**62))


def test_missing_target_bars_have_no_row_and_are_flat_for_the_others() -> None:
    """After a short hole rows go on, and see no return within it."""
    target, context = markets_of("15m", 4)
    gapped = without_bars(target, 320, 330)
    rows = build_core(gapped, context)
    assert np.array_equal(rows.open_time, np.delete(target.open_time[287:], range(320 - 287, 330 - 287)))
    after = rows.between(int(target.open_time[330]), 2**62)
    expected = np.log(target.close[330] / target.close[319])
    for name in ("log_return_1", "log_return_8"):
        assert after.values[0, rows.names.index(name)] == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("holed", ["target", "BTCUSDT"])
def test_rows_do_not_look_across_a_hole_longer_than_a_day(holed: str) -> None:
    """Rows end at the hole and begin again 72 h after it, as if the series had begun there."""
    target, context = markets_of("1h", 12)
    first, last = 100, 125
    if holed == "target":
        target = without_bars(target, first, last)
    else:
        context[holed] = without_bars(context[holed], first, last)
    rows = build_core(target, context)
    hours = (rows.open_time - START_MS) // HOUR_MS
    assert hours.tolist() == [*range(71, first), *range(last + 71, 288)]
    begun_there = {name: market.between(START_MS + last * HOUR_MS, 2**62) for name, market in context.items()}
    alone = build_core(target.between(START_MS + last * HOUR_MS, 2**62), begun_there)
    assert_same(rows.between(START_MS + last * HOUR_MS, 2**62), alone)


def test_rows_of_a_market_that_stood_still_are_defined() -> None:
    """Bars without a move or a trade give a row of neutral values, not a missing one."""
    target, context = markets_of("15m", 4)
    still = np.ones(len(target))
    stopped = Klines(
        interval="15m",
        open_time=target.open_time,
        open=still,
        high=still,
        low=still,
        close=still,
        volume=np.zeros(len(target)),
    )
    rows = build_core(stopped, {**context, "BTCUSDT": stopped})
    assert len(rows) == len(target) - 287
    assert rows.values[-1, rows.names.index("rsi_14")] == 50
    assert rows.values[-1, rows.names.index("btcusdt_beta_48")] == 0


def test_build_features_refuses_other_symbols_and_intervals() -> None:
    """Context must be the set's own, at the set's interval."""
    target, context = markets_of("15m", 1)
    features = feature_set("core", "15m", CONTEXT)
    with pytest.raises(ValueError, match="the feature set needs"):
        build_features(features, target, {"BTCUSDT": context["BTCUSDT"]})
    with pytest.raises(ValueError, match="bars of 15m"):
        build_features(features, markets_of("5m", 1)[0], context)
