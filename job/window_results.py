"""A finished window as records and arrays: what is stored, and what the finalizer reads back. Pure."""

from dataclasses import dataclass, fields

import numpy as np

from job.arrays import FloatArray
from job.artifacts.npz import arrays_to_bytes, bytes_to_arrays
from job.backtest.market_bars import MarketBars
from job.errors import DataError
from job.evaluation.measure import Measure
from job.evaluation.performance import account_measures, forecast_measures, planned_measures
from job.model.blend import BlendChoice, BlendClassifier
from job.model.classifier import LossCurve
from job.model.search import SearchChoice
from job.procedure import TrainedProcedure
from job.records import (
    BlendRecord,
    CandidateRecord,
    EstimateRecord,
    LossCurveRecord,
    MeasureRecord,
    Measures,
    ModelRecord,
    PlanRecord,
    SearchRecord,
    ThresholdRecord,
    WindowDriftRecord,
    WindowRecord,
)
from job.rules import trading_rules
from job.slice_outcome import SliceOutcome
from job.windows import Window

PROBABILITY, POSITION = "probability_", "position_"
BAR_COLUMNS = tuple(field.name for field in fields(MarketBars) if field.name != "interval")


@dataclass(frozen=True, kw_only=True)
class WindowSeries:
    """A test slice bar by bar, as stored: everything that its accounts can be made again from.

    Parameters
    ----------
    klines : n bars, and what trading on them means.
    up : float64 (n,), labels.
    probability : by model, float64 (n,).
    position : by model, int8 (n,): wanted through each bar, from the fill at its open, before any exit.
    """

    klines: MarketBars
    up: FloatArray
    probability: dict[str, FloatArray]
    position: dict[str, np.ndarray]


def measure_records(measures: dict[str, Measure]) -> Measures:
    """The stored form of measures."""
    return {name: MeasureRecord(value=m.value, reason=m.reason) for name, m in measures.items()}


def window_record(
    window: Window,
    plan: PlanRecord,
    trained: dict[str, TrainedProcedure],
    tested: SliceOutcome,
    *,
    traded_model: str,
    drift: WindowDriftRecord | None = None,
) -> WindowRecord:
    """Everything about a window but its bars; validation and test values side by side."""
    main = trained[traded_model]
    return WindowRecord(
        span=plan.windows[window.index],
        traded_model=traded_model,
        num_train_rows=main.num_rows,
        effective_train_rows=main.effective_rows,
        num_test_bars=len(tested.klines),
        best_epoch=main.best_epoch,
        loss_curves=tuple(_curve_record(curve) for curve in main.curves),
        models={name: _model_record(procedure, tested, name, plan) for name, procedure in trained.items()},
        drift=drift,
    )


def _model_record(procedure: TrainedProcedure, tested: SliceOutcome, name: str, plan: PlanRecord) -> ModelRecord:
    per_year, strategy = trading_rules(plan.procedure).bars_per_year, plan.procedure.strategy
    choice = procedure.choice
    is_flat = choice.thresholds.never_trades
    planned = planned_measures(stop=strategy.stop_loss_atr, take=strategy.take_profit_atr)
    validation = account_measures(procedure.validation_account, bars_per_year=per_year) | forecast_measures(
        procedure.validation_up, procedure.validation_probability, train_prior=procedure.validation_prior
    )
    test = account_measures(tested.accounts[name], bars_per_year=per_year) | forecast_measures(
        tested.up, tested.probability[name], train_prior=procedure.prior
    )
    return ModelRecord(
        thresholds=ThresholdRecord(
            buy=None if is_flat else choice.thresholds.buy,
            sell=None if is_flat else choice.thresholds.sell,
            validation_score=choice.score,
        ),
        shrinkage=procedure.slope,
        validation=measure_records(validation | planned),
        test=measure_records(test | planned),
        blend=_blend_record(procedure.classifier.choice) if isinstance(procedure.classifier, BlendClassifier) else None,
        search=None if procedure.search is None else _search_record(procedure.search),
    )


def _search_record(choice: SearchChoice) -> SearchRecord:
    return SearchRecord(
        epochs=choice.epochs,
        candidates=tuple(
            CandidateRecord(changes=candidate.changes, losses=losses)
            for candidate, losses in zip(choice.candidates, choice.losses, strict=True)
        ),
        chosen=choice.chosen,
    )


def _blend_record(choice: BlendChoice) -> BlendRecord:
    difference = EstimateRecord(value=choice.loss_less_best, low=choice.low, high=choice.high)
    return BlendRecord(
        weights=choice.weights,
        is_kept=choice.is_kept,
        best_member=choice.best_member,
        log_loss_less_best=difference,
    )


def _curve_record(curve: LossCurve) -> LossCurveRecord:
    return LossCurveRecord(training=curve.training, validation=curve.validation, best_epoch=curve.best_epoch)


def series_bytes(tested: SliceOutcome) -> bytes:
    """The test slice bar by bar, as ``.npz``."""
    return arrays_to_bytes(
        {name: getattr(tested.klines, name) for name in BAR_COLUMNS}
        | {"up": tested.up}
        | {f"{PROBABILITY}{name}": values for name, values in tested.probability.items()}
        | {f"{POSITION}{name}": values for name, values in tested.position.items()}
    )


def read_series(data: bytes, *, interval: str, where: str) -> WindowSeries:
    """A stored test slice; `DataError` where it is not one."""
    arrays = bytes_to_arrays(data, where=where)
    try:
        return WindowSeries(
            klines=MarketBars(interval=interval, **{name: arrays[name] for name in BAR_COLUMNS}),
            up=arrays["up"],
            probability={n.removeprefix(PROBABILITY): v for n, v in arrays.items() if n.startswith(PROBABILITY)},
            position={n.removeprefix(POSITION): v for n, v in arrays.items() if n.startswith(POSITION)},
        )
    except KeyError as error:
        raise DataError(f"{where} has no array {error}.") from error
