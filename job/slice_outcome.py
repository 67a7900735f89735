"""What trained models say and earn on one slice of bars that they were not trained on. Pure."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from job.arrays import FloatArray
from job.backtest.account import Backtest
from job.backtest.market_bars import MarketBars
from job.intervals import interval_ms
from job.model.novelty import is_novel
from job.pine.rule import PINE_HISTORY_BARS, pine_positions
from job.procedure import TrainedProcedure, on_bars
from job.rows import Dataset, LabelledRows
from job.rules import LABEL_LOOKBACK_MS
from job.signals import TradingRules, account_of, make_orders, target_positions, with_terms
from job.windows import Span, Window

PINE = "lorentzian-pine"


@dataclass(frozen=True, kw_only=True)
class SliceOutcome:
    """What the trained models said and earned on one test slice.

    Parameters
    ----------
    klines : n bars of the test, and what trading on them means.
    rows : features and labels of the slice, as they were read.
    up : float64 (n,), labels, NaN where there is none.
    probability : by model, float64 (n,), NaN where a bar has no features.
    position : by model, and by rule that must see bars before the slice, int8 (n,): wanted through each bar, from
        the fill at its open, before any exit.
    accounts : by model, starting with 1.
    """

    klines: MarketBars
    rows: LabelledRows
    up: FloatArray
    probability: dict[str, FloatArray]
    position: dict[str, NDArray[np.int8]]
    accounts: dict[str, Backtest]


def lookback_before_test_ms(window: Window, *, interval: str) -> int:
    """How long before a test its klines begin: as far as the rules look back, but not before the training."""
    trained_ms = window.train.end_ms - window.train.start_ms
    return max(LABEL_LOOKBACK_MS, min(PINE_HISTORY_BARS * interval_ms(interval), trained_ms))


def forecast_and_trade(
    data: Dataset, span: Span, trained: dict[str, TrainedProcedure], rules: TradingRules
) -> SliceOutcome:
    """Let every trained model forecast and trade the bars of ``span``.

    Parameters
    ----------
    data : its klines begin `lookback_before_test_ms` before the span.
    """
    klines = with_terms(data.klines, rules).between(span.start_ms, span.end_ms)
    probability = {
        name: on_bars(klines, data.rows.open_time, procedure.forecast_rows(data.rows))
        for name, procedure in trained.items()
    }
    target = {
        name: target_positions(
            _heard(klines, data.rows, procedure, probability[name]),
            procedure.choice.thresholds,
            hold_bars=rules.hold_bars,
        )
        for name, procedure in trained.items()
    }
    return SliceOutcome(
        klines=klines,
        rows=data.rows.within(span),
        up=on_bars(klines, data.rows.open_time, data.rows.up),
        probability=probability,
        position={name: _held(wanted) for name, wanted in (target | {PINE: _pine(data, span)}).items()},
        accounts={
            name: account_of(klines, make_orders(klines, wanted, rules), rules) for name, wanted in target.items()
        },
    )


def _heard(klines: MarketBars, rows: LabelledRows, procedure: TrainedProcedure, probability: FloatArray) -> FloatArray:
    """Forecasts of bars, NaN where the model stays silent: a strange row asks for nothing."""
    silent = on_bars(klines, rows.open_time, is_novel(procedure.classifier, rows.features).astype(np.float64))
    return np.where(silent == 1, np.nan, probability)


def _pine(data: Dataset, span: Span) -> NDArray[np.int8]:
    """What the indicator that this product is named after wants at each close of the slice."""
    return pine_positions(data.klines)[span.holds(data.klines.open_time)]


def _held(wanted: NDArray[np.int8]) -> NDArray[np.int8]:
    """Wanted from each close on, as wanted through each bar."""
    return np.append(np.int8(0), wanted[:-1])
