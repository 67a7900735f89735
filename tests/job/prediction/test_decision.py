from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from job.data.feature_rows import FeatureRows
from job.model.logistic import LogisticClassifier
from job.model.scaling import RobustScaler
from job.prediction.decision import Decision, decide
from job.prediction.market_view import MarketView
from job.prediction.stored_model import StoredModel
from job.records import ProcedureRecord
from job.settings.procedure import (
    CostSettings,
    FeatureSettings,
    LabelSettings,
    MarketSettings,
    ModelSettings,
    StrategySettings,
    WindowSettings,
)
from job.signals import NEVER, Thresholds
from tests.support.small_run import INTERVAL, KEY, small_markets

HOLD_BARS = 4
BARS = small_markets(2)[KEY.symbol]
UP, DOWN, NOTHING = 2.0, -2.0, 0.0


class Silent(LogisticClassifier):
    """A regression that stays silent about features above nine, which it calls up like any other."""

    def is_novel(self, features: np.ndarray) -> np.ndarray:
        """Whether it stays silent."""
        found: np.ndarray = features[:, 0] > 9
        return found


def model_with(*, thresholds: Thresholds | None = None, **settings: Any) -> StoredModel:
    """A model whose forecast is the logistic function of its one feature."""

    def group(kind: Any, **fixed: Any) -> Any:
        return kind(**{**fixed, **{name: value for name, value in settings.items() if name in kind.model_fields}})

    scaler = RobustScaler(center=np.zeros(1, np.float32), range=np.ones(1, np.float32))
    return StoredModel(
        identity="0" * 16,
        kind="logistic",
        procedure=ProcedureRecord(
            market=group(MarketSettings, interval=INTERVAL),
            costs=CostSettings(),
            strategy=group(StrategySettings),
            label=group(LabelSettings, horizon=HOLD_BARS),
            features=FeatureSettings(),
            windows=WindowSettings(),
            model=ModelSettings(),
        ),
        feature_set="one",
        feature_names=("one",),
        classifier=Silent(scaler=scaler, coefficients=np.ones(1), intercept=0.0),
        prior=0.5,
        slope=1.0,
        thresholds=thresholds or Thresholds(buy=0.6, sell=0.4),
        row_open_ms=None,
    )


def view_of(*features: float, missing: str | None = None) -> MarketView:
    """The last bars with these features, the last of all first missing its own where that is said."""
    open_time = BARS.open_time[-len(features) - (missing is not None) :][: len(features)]
    rows = FeatureRows(names=("one",), open_time=open_time, values=np.array(features, np.float32)[:, None])
    return MarketView(open_ms=int(BARS.open_time[-1]), target=BARS, rows=rows, missing=missing)


def decided(view: MarketView, **settings: Any) -> Decision:
    """The decision, which says why exactly where it wants nothing."""
    decision = decide(model_with(**settings), view, num_neighbours=3)
    assert (decision.signal.side == 0) == (decision.signal.reason is not None) == (decision.signal.size == 0)
    assert decision.signal.open_ms == view.open_ms
    assert decision.neighbourhood is None
    return decision


@pytest.mark.parametrize(("feature", "side"), [(UP, 1), (DOWN, -1)])
def test_forecast_beyond_a_threshold_asks_for_its_side(feature: float, side: int) -> None:
    """With the whole account, from the close on."""
    signal = decided(view_of(feature)).signal
    assert (signal.side, signal.size) == (side, 1.0)
    assert signal.probability is not None and (signal.probability > 0.5) == (side > 0)
    assert signal.available_at_ms == BARS.available_at[-1]


@pytest.mark.parametrize(
    ("features", "side", "is_held"),
    [
        ((UP, NOTHING), 1, True),
        ((UP, NOTHING, NOTHING, NOTHING), 1, True),
        ((UP, NOTHING, NOTHING, NOTHING, NOTHING), 0, False),
        ((DOWN, UP), 1, False),
        ((UP, UP), 1, False),
    ],
)
def test_signal_holds_as_long_as_in_the_backtest(features: tuple[float, ...], side: int, is_held: bool) -> None:
    """For the horizon since it was last repeated, or until the other side speaks."""
    decision = decided(view_of(*features))
    assert (decision.signal.side, decision.is_held) == (side, is_held)


@pytest.mark.parametrize(
    ("view", "settings", "reason"),
    [
        (view_of(NOTHING), {}, "between_thresholds"),
        (view_of(UP), {"thresholds": NEVER}, "never_trades"),
        (view_of(UP), {"label": "volatility"}, "no_side"),
        (view_of(DOWN), {"market": "spot"}, "no_short"),
        (view_of(10.0), {}, "novel"),
        (view_of(missing="gap"), {}, "gap"),
        (view_of(missing="warm_up"), {}, "warm_up"),
    ],
)
def test_decision_says_why_it_wants_nothing(view: MarketView, settings: dict[str, Any], reason: str) -> None:
    """One word for each reason; what is novel keeps its forecast, and what has no features has none."""
    signal = decided(view, **settings).signal
    assert (signal.side, signal.reason) == (0, reason)
    assert (signal.probability is None) == (view.missing is not None)


def test_earlier_signal_holds_through_what_is_novel_or_missing() -> None:
    """As in the backtest, where such a bar says nothing, and so does not say stop."""
    for view in (view_of(UP, 10.0), view_of(UP, missing="gap")):
        decision = decided(view)
        assert (decision.signal.side, decision.signal.reason, decision.is_held) == (1, None, True)


def test_terms_are_those_of_the_strategy() -> None:
    """Exits in average true ranges of the market, and a size that falls with its volatility."""
    plain = decided(view_of(UP))
    assert (plain.stop, plain.take) == (None, None)
    sized = decided(view_of(UP), sizing="volatility", target_volatility=0.1, stop_loss_atr=2.0, take_profit_atr=3.0)
    assert 0 < sized.signal.size < 1
    assert sized.stop is not None and sized.take is not None
    assert sized.take == pytest.approx(1.5 * sized.stop)


def test_without_the_day_that_sizes_need_nothing_is_entered() -> None:
    """A size that nobody knows is no size."""
    view = view_of(UP)
    signal = decided(replace(view, target=BARS.select(slice(-10, None))), sizing="volatility").signal
    assert (signal.side, signal.reason) == (0, "size_unknown")
