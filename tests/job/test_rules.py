"""What a procedure's strategy and funding make of bars."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from job.backtest.market_bars import MarketBars
from job.backtest.orders import Orders
from job.backtest.volatility import annual_volatility, relative_true_range
from job.data.outside_series import OutsideSeries
from job.errors import ConfigError
from job.execution.opening import procedure_of
from job.features.build import build_features
from job.features.registry import feature_set
from job.intervals import DAY_MS, HOUR_MS
from job.labels import fixed_labels, pine_labels, volatility_labels
from job.records import ProcedureRecord
from job.rules import LABEL_LOOKBACK_MS, label_caution, make_bars, make_labels, peers_of, reads_funding, trading_rules
from tests.support.procedures import with_changes
from tests.support.small_run import KEY, small_markets, small_settings

KLINES = small_markets(4)[KEY.symbol]
TERMS = ("size", "stop", "take", "funding")


def procedure(**changes: object) -> ProcedureRecord:
    """The small procedure with another strategy."""
    return with_changes(procedure_of(small_settings(Path("nowhere"))), **changes)


def test_plain_strategy_is_the_whole_account_without_exits() -> None:
    """By default nothing is sized, stopped or paid."""
    bars = make_bars(KLINES, procedure())
    assert {name: set(getattr(bars, name)) for name in TERMS} == {
        "size": {1.0},
        "stop": {np.inf},
        "take": {np.inf},
        "funding": {0.0},
    }
    assert trading_rules(procedure(max_hold=7)).strategy.max_hold == 7


def test_strategy_is_measured_in_the_market_s_own_moves() -> None:
    """Sizes aim at the year's volatility up to the cap; stop and target are multiples of the true range."""
    settings: dict[str, object] = {
        "sizing": "volatility",
        "target_volatility": 0.4,
        "max_size": 2.0,
        "stop_loss_atr": 2.0,
        "take_profit_atr": 3.0,
    }
    bars = make_bars(KLINES, procedure(**settings))
    volatility = annual_volatility(KLINES, bars_per_year=35_040)
    known = np.isfinite(volatility)
    np.testing.assert_allclose(bars.size[known], np.minimum(0.4 / volatility[known], 2.0))
    np.testing.assert_allclose(bars.stop, 2 * relative_true_range(KLINES))
    np.testing.assert_allclose(bars.take, 3 * relative_true_range(KLINES))


def test_flat_market_orders_nothing_where_exits_follow_the_true_range() -> None:
    """A distance of nothing is no exit: such bars have terms, and no trade begins on them."""
    flat = replace(KLINES, **{name: np.full(len(KLINES), 5.0) for name in ("open", "high", "low", "close")})
    bars = make_bars(flat, procedure(stop_loss_atr=2.0, take_profit_atr=3.0))
    assert np.isnan(bars.stop).all() and np.isnan(bars.take).all()
    assert not Orders(side=np.ones(len(bars), dtype=np.int8), terms=bars.terms).fillable_side.any()


@pytest.mark.parametrize("extra_bars", [1, 50, 96])
def test_terms_are_the_same_wherever_the_bars_begin(extra_bars: int) -> None:
    """A slice that is read with its day before has the very terms that the whole series gives it."""
    settings = procedure(sizing="volatility", stop_loss_atr=2.0, take_profit_atr=3.0, funding_bps=1.0)
    start_ms = int(KLINES.open_time[0]) + DAY_MS + extra_bars * (HOUR_MS // 4)
    end_ms = start_ms + DAY_MS
    whole = make_bars(KLINES, settings).between(start_ms, end_ms)
    near = make_bars(KLINES.between(start_ms - LABEL_LOOKBACK_MS, end_ms), settings).between(start_ms, end_ms)
    for name in TERMS:
        assert np.isfinite(getattr(near, name)).all()
        assert getattr(near, name).tobytes() == getattr(whole, name).tobytes()


def test_funding_is_stored_or_stated_or_none() -> None:
    """A constant goes before the stored series, and spot markets have neither."""
    due = KLINES.open_time[10:11] + 5
    stored = OutsideSeries(event_time=due, available_at=due, value=np.array([0.003]))

    def funding(**changes: object) -> MarketBars:
        return make_bars(KLINES, procedure(**changes), funding=stored)

    assert list(np.flatnonzero(funding().funding)) == [10]
    assert funding().funding[10] == 0.003
    stated = funding(funding_bps=2.0).funding
    assert set(stated[KLINES.open_time % (8 * HOUR_MS) == 0]) == {2e-4}
    assert np.count_nonzero(stated) == 12
    assert not funding(market="spot").has_funding
    assert not funding(market="spot", funding_bps=2.0).has_funding
    assert not funding(funding_bps=0.0).has_funding
    assert [reads_funding(procedure(**c)) for c in ({}, {"funding_bps": 0.0}, {"market": "spot"})] == [
        True,
        False,
        False,
    ]


def test_labels_are_those_that_were_asked_for() -> None:
    """Each name its own labels, at the procedure's horizon; the indicator's hold for its four bars by default."""
    expected = {
        "fixed": fixed_labels(KLINES, horizon_bars=8),
        "volatility": volatility_labels(KLINES, horizon_bars=8),
        "pine": pine_labels(KLINES),
    }
    for name, labels in expected.items():
        found = make_labels(KLINES, procedure(label=name))
        np.testing.assert_array_equal(found.up, labels.up)
        np.testing.assert_array_equal(found.end_ms, labels.end_ms)
        assert found.reach_ms == labels.reach_ms
    holds = [
        trading_rules(procedure(label=name, horizon=None)).hold_bars
        for name in ("triple-barrier", "volatility", "pine")
    ]
    assert holds == [8, 8, 4]
    assert trading_rules(procedure(label="pine", horizon=9)).hold_bars == 9


def test_only_forecasts_of_volatility_have_no_side() -> None:
    """They are never traded, and a sentence says so; the indicator's are traded, with a sentence of what that is."""
    names = ("triple-barrier", "fixed", "volatility", "pine")
    assert [trading_rules(procedure(label=name)).has_side for name in names] == [True, True, False, True]
    cautions = [label_caution(procedure(label=name)) for name in names]
    assert cautions[:2] == [None, None]
    assert "nothing was traded" in (cautions[2] or "")
    assert "known when it is forecast" in (cautions[3] or "")


def test_nobody_else_is_learned_from_unless_asked_for() -> None:
    """By default a procedure has no peers."""
    assert peers_of(procedure()) == ()


def test_peers_change_places_with_the_traded_market() -> None:
    """One after the other in its place, all others in theirs, and every other setting as it was."""
    learning = procedure(model="lorentzian", transfer="pretrain", context=("BTCUSDT", "ETHUSDT", "XRPUSDT"))
    peers = peers_of(learning.model_copy(update={"market": learning.market.model_copy(update={"symbol": "SOLUSDT"})}))
    assert [(peer.market.symbol, peer.market.context_symbols) for peer in peers] == [
        ("BTCUSDT", ("SOLUSDT", "ETHUSDT", "XRPUSDT")),
        ("ETHUSDT", ("BTCUSDT", "SOLUSDT", "XRPUSDT")),
        ("XRPUSDT", ("BTCUSDT", "ETHUSDT", "SOLUSDT")),
    ]
    assert {peer.model_copy(update={"market": learning.market}) for peer in peers} == {learning}


def test_column_plays_one_role_in_the_rows_of_all() -> None:
    """A peer's rows are, to the bit, what the traded market's would be had the two had each other's bars."""
    learning, markets = procedure(model="lorentzian", transfer="pretrain"), small_markets(5)
    own = learning.market
    for peer in peers_of(learning):
        symbol, context = peer.market.symbol, peer.market.context_symbols
        exchanged = markets | {own.symbol: markets[symbol], symbol: markets[own.symbol]}
        rows = build_features(
            feature_set("core", own.interval, context), markets[symbol], {each: markets[each] for each in context}
        )
        expected = build_features(
            feature_set("core", own.interval, own.context_symbols),
            exchanged[own.symbol],
            {each: exchanged[each] for each in own.context_symbols},
        )
        assert len(rows) > 100
        assert rows.values.tobytes() == expected.values.tobytes()
        renamed = tuple(name.replace(own.symbol.lower(), symbol.lower()) for name in rows.names)
        assert renamed == expected.names


def test_learning_from_others_needs_some() -> None:
    """Without a context the setting would do nothing, and is refused."""
    with pytest.raises(ConfigError, match="--transfer pretrain learns from the markets of --context, which is empty"):
        peers_of(procedure(model="lorentzian", transfer="pretrain", context=()))
