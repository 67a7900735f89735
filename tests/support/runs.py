"""A small finished run, made by the real functions from seeded synthetic bars and a rule that trains in no time."""

from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import numpy as np

from job.arrays import Float32Array, FloatArray
from job.data.feature_rows import FeatureRows
from job.data.klines import Klines
from job.data.synthetic import SYNTHETIC_CONTEXT, SYNTHETIC_SYMBOL, World, synthetic_markets
from job.evaluation.bootstrap import Interval
from job.evaluation.daily import utc_daily_returns
from job.evaluation.measure import Measure
from job.intervals import DAY_MS
from job.model.classifier import Learner, LossCurve, OnEpoch, ValidatedFit, mean_log_loss
from job.model.prior import PriorLearner
from job.procedure import TrainedProcedure, train_procedure
from job.records import (
    POOLED,
    SCRATCH,
    BlendRecord,
    CandidateRecord,
    EstimateRecord,
    MeasureRecord,
    ModelRecord,
    PlanRecord,
    ProcedureRecord,
    SearchRecord,
    WindowRecord,
    WindowSpanRecord,
)
from job.rows import Dataset, LabelledRows
from job.rules import make_dataset, trading_rules
from job.run.ledger import Trial
from job.run_evaluation import RunEvaluation, evaluate_run
from job.settings.procedure import (
    SYNTHETIC_VENUE,
    CostSettings,
    FeatureSettings,
    LabelSettings,
    MarketSettings,
    ModelSettings,
    StrategySettings,
    WindowSettings,
)
from job.slice_outcome import SliceOutcome, forecast_and_trade, lookback_before_test_ms
from job.window_results import WindowSeries, read_series, series_bytes, window_record
from job.windows import Window, plan_windows

END_MS = 1_764_547_200_000  # 2025-12-01 00:00 UTC
INTERVAL = "15m"
TRAIN_DAYS, TEST_DAYS = 10, 7
TRADED = "lorentzian"
NUM_EPOCHS = 12
STRENGTH_PER_EPOCH = 0.1


@dataclass(frozen=True, kw_only=True)
class ExampleRun:
    """What the finalizer of a run works from, and what it computes.

    Parameters
    ----------
    plan : PlanRecord
    windows, series : of the windows that finished.
    evaluation : RunEvaluation of these.
    trained : of the last window, by model.
    """

    plan: PlanRecord
    windows: tuple[WindowRecord, ...]
    series: tuple[WindowSeries, ...]
    evaluation: RunEvaluation
    trained: dict[str, TrainedProcedure]


@dataclass(frozen=True, kw_only=True)
class FollowLeader:
    """Forecasts the direction of the leading market's last move, with one strength."""

    strength: float

    def predict(self, features: Float32Array) -> FloatArray:
        """A logistic function of the first feature."""
        probability: FloatArray = 1 / (1 + np.exp(-self.strength * features[:, 0].astype(np.float64)))
        return probability


class FollowLeaderLearner:
    """Raises the strength a step an epoch, and keeps the epoch that validation likes best."""

    name = TRADED

    def validate(
        self, fit: LabelledRows, validation: LabelledRows, *, block: int, on_epoch: OnEpoch | None = None
    ) -> ValidatedFit:
        """Losses of every epoch, and forecasts of the best."""
        curve = _curve(fit, validation)
        best = FollowLeader(strength=STRENGTH_PER_EPOCH * curve.best_epoch)
        losses = {float(epoch): loss for epoch, loss in enumerate(curve.validation)}
        return ValidatedFit(probability=best.predict(validation.features), losses=losses, curve=curve)

    def refit(
        self, train: LabelledRows, validated: tuple[ValidatedFit, ...], *, on_epoch: OnEpoch | None = None
    ) -> tuple[FollowLeader, LossCurve]:
        """As many epochs as the blocks liked on average."""
        epochs = round(float(np.mean([v.curve.best_epoch for v in validated if v.curve is not None])))
        training = _losses(train)[: epochs + 1]
        curve = LossCurve(training=training, validation=(), best_epoch=epochs)
        return FollowLeader(strength=STRENGTH_PER_EPOCH * epochs), curve


@lru_cache(maxsize=8)
def example_run(num_windows: int = 3, *, world: World = "edge", failed: tuple[int, ...] = ()) -> ExampleRun:
    """A finished run.

    Parameters
    ----------
    num_windows : of the plan, each with ten days of training and seven of test.
    world : with a planted edge, or without.
    failed : indices of windows that did not finish.
    """
    num_days = TRAIN_DAYS + TEST_DAYS * num_windows
    markets = synthetic_markets(world, seed=5, interval=INTERVAL, num_days=num_days + 2, last_close_ms=END_MS)
    plan, windows = _plan(num_days)
    klines = markets[SYNTHETIC_SYMBOL]
    dataset = make_dataset(klines, _features(markets), plan.procedure)
    finished = [window for window in windows if window.index not in failed]
    records, series = [], []
    for window in finished:
        trained = {learner.name: _train(learner, dataset, window, plan) for learner in _learners()}
        tested = _test(trained, dataset, window, plan)
        records.append(window_record(window, plan, trained, tested, traded_model=TRADED))
        series.append(read_series(series_bytes(tested), interval=INTERVAL, where="memory"))
    of_last = utc_daily_returns(tested.accounts[TRADED])
    trials = [Trial(procedure="0" * 16, symbol=SYNTHETIC_SYMBOL, day=of_last.day, daily_returns=of_last.value)]
    return ExampleRun(
        plan=plan,
        windows=tuple(records),
        series=tuple(series),
        evaluation=evaluate_run(plan, tuple(records), tuple(series), trials),
        trained=trained,
    )


@lru_cache(maxsize=2)
def flat_run(num_windows: int = 2) -> ExampleRun:
    """A run in which the traded model never traded, so that most of its measures do not exist."""
    run = example_run(num_windows)
    never = tuple(
        replace(series, position=series.position | {TRADED: np.zeros(len(series.klines), dtype=np.int8)})
        for series in run.series
    )
    records = tuple(
        record.model_copy(update={"models": record.models | {TRADED: record.models["prior"]}}) for record in run.windows
    )
    return replace(run, windows=records, series=never, evaluation=evaluate_run(run.plan, records, never, []))


def blended_run(num_windows: int = 2) -> ExampleRun:
    """A run whose traded model is called a blend of two: kept in all windows but the first."""

    def blended(number: int, record: WindowRecord) -> WindowRecord:
        is_kept = number > 0
        blend = BlendRecord(
            weights={"vote": 0.25, "trees": 0.75} if is_kept else {"vote": 0.0, "trees": 1.0},
            is_kept=is_kept,
            best_member="trees",
            log_loss_less_best=EstimateRecord(value=0.002, low=-0.001 if is_kept else 0.001, high=0.004),
        )
        traded = record.models[TRADED].model_copy(update={"blend": blend})
        return record.model_copy(update={"models": record.models | {TRADED: traded}})

    run = example_run(num_windows)
    records = tuple(blended(number, record) for number, record in enumerate(run.windows))
    return replace(run, windows=records, evaluation=replace(run.evaluation, windows=records))


def searched_run(num_windows: int = 3) -> ExampleRun:
    """A run whose settings were searched: those given were chosen in the first window, candidate 2 in all others."""
    candidates = (
        CandidateRecord(changes={}, losses=(0.69, 0.68)),
        CandidateRecord(changes={"lr": 0.01}, losses=(0.7,)),
        CandidateRecord(changes={"lr": 0.01, "hidden": 64}, losses=(0.68, 0.67)),
    )

    def searched(number: int, record: WindowRecord) -> WindowRecord:
        search = SearchRecord(epochs=(3, 10), candidates=candidates, chosen=2 if number else 0)
        traded = record.models[TRADED].model_copy(update={"search": search})
        return record.model_copy(update={"models": record.models | {TRADED: traded}})

    run = example_run(num_windows)
    records = tuple(searched(number, record) for number, record in enumerate(run.windows))
    return replace(run, windows=records, evaluation=replace(run.evaluation, windows=records))


def transferred_run(num_windows: int = 2) -> ExampleRun:
    """A run whose traded model stands beside itself without other markets, and pooled with them: both are the prior."""
    run = example_run(num_windows)

    def beside(models: dict[str, Any]) -> dict[str, Any]:
        return models | dict.fromkeys((SCRATCH, POOLED), models["prior"])

    records = tuple(record.model_copy(update={"models": beside(record.models)}) for record in run.windows)
    models, differences = beside(run.evaluation.models), beside(run.evaluation.differences)
    evaluation = replace(run.evaluation, windows=records, models=models, differences=differences)
    return replace(run, windows=records, evaluation=evaluation)


@lru_cache(maxsize=1)
def undefined_run() -> ExampleRun:
    """A run in which no measure of any model exists."""
    run = flat_run()
    nothing, missing = Measure.undefined("too_short"), MeasureRecord(value=None, reason="too_short")
    evaluation = run.evaluation
    models = {
        name: replace(
            model,
            measures=dict.fromkeys(model.measures, nothing),
            sharpe_interval=Interval(low=None, high=None, reason="too_short"),
        )
        for name, model in evaluation.models.items()
    }
    records = tuple(_without_measures(record, missing) for record in run.windows)
    return replace(run, windows=records, evaluation=replace(evaluation, models=models, windows=records))


def _without_measures(record: WindowRecord, missing: MeasureRecord) -> WindowRecord:
    def emptied(model: ModelRecord) -> ModelRecord:
        spans = {span: dict.fromkeys(getattr(model, span), missing) for span in ("validation", "test")}
        return model.model_copy(update=spans)

    return record.model_copy(update={"models": {name: emptied(model) for name, model in record.models.items()}})


def _learners() -> tuple[Learner, ...]:
    return FollowLeaderLearner(), PriorLearner()


def _plan(num_days: int) -> tuple[PlanRecord, tuple[Window, ...]]:
    windows = plan_windows(
        first_open_ms=END_MS - num_days * DAY_MS,
        end_ms=END_MS,
        data_days=num_days,
        window_size=TRAIN_DAYS,
        test_size=TEST_DAYS,
        anchored=False,
    )
    market = MarketSettings(
        symbol=SYNTHETIC_SYMBOL, interval=INTERVAL, context=SYNTHETIC_CONTEXT, venue=SYNTHETIC_VENUE
    )
    plan = PlanRecord(
        run_id="example",
        stamp="20251201_000000",
        created_at_ms=END_MS,
        procedure=ProcedureRecord(
            market=market,
            costs=CostSettings(),
            strategy=StrategySettings(),
            label=LabelSettings(),
            features=FeatureSettings(),
            windows=WindowSettings(data_days=num_days, window_size=TRAIN_DAYS, test_size=TEST_DAYS),
            model=ModelSettings(),
        ),
        feature_set="core-0123abcd",
        feature_names=("leader", "own"),
        windows=tuple(_span_record(window) for window in windows),
        end_ms=END_MS,
        day_digests={"2025-11-29": "aa", "2025-11-30": "bb"},
        threads=1,
        device="cpu",
        versions={"python": "3.11.0", "numpy": "2.0.0"},
    )
    return plan, windows


def _span_record(window: Window) -> WindowSpanRecord:
    assert window.test is not None
    return WindowSpanRecord(
        index=window.index,
        train_start_ms=window.train.start_ms,
        test_start_ms=window.test.start_ms,
        test_end_ms=window.test.end_ms,
    )


def _features(markets: dict[str, Klines]) -> FeatureRows:
    """Smoothed returns, of the leader and of the traded market itself."""
    own = markets[SYNTHETIC_SYMBOL]
    columns = [_smoothed_returns(markets[symbol]) for symbol in (SYNTHETIC_CONTEXT[0], SYNTHETIC_SYMBOL)]
    return FeatureRows(
        names=("leader", "own"), open_time=own.open_time, values=np.stack(columns, axis=1).astype(np.float32)
    )


def _smoothed_returns(klines: Klines, half_life_bars: int = 8) -> FloatArray:
    returns = np.diff(np.log(klines.close), prepend=np.log(klines.open[0]))
    weight = 0.5 ** (np.arange(6 * half_life_bars) / half_life_bars)
    smooth = np.convolve(returns, weight)[: len(returns)]
    standard: FloatArray = smooth / (returns.std() * np.sqrt(np.square(weight).sum()))
    return standard


def _train(learner: Learner, dataset: Dataset, window: Window, plan: PlanRecord) -> TrainedProcedure:
    return train_procedure(
        learner,
        dataset.rows,
        dataset.klines,
        window,
        metric=plan.procedure.windows.optimize_metric,
        rules=trading_rules(plan.procedure),
        seed=0,
    )


def _test(trained: dict[str, TrainedProcedure], dataset: Dataset, window: Window, plan: PlanRecord) -> SliceOutcome:
    assert window.test is not None
    began_ms = window.test.start_ms - lookback_before_test_ms(window, interval=INTERVAL)
    seen = Dataset(klines=dataset.klines.between(began_ms, window.test.end_ms), rows=dataset.rows)
    return forecast_and_trade(seen, window.test, trained, trading_rules(plan.procedure))


def _losses(rows: LabelledRows) -> tuple[float, ...]:
    """Log-loss of each epoch's strength; entry 0 is a coin."""
    known = np.isfinite(rows.up)
    return tuple(
        mean_log_loss(rows.up[known], FollowLeader(strength=STRENGTH_PER_EPOCH * epoch).predict(rows.features[known]))
        for epoch in range(NUM_EPOCHS + 1)
    )


def _curve(fit: LabelledRows, validation: LabelledRows) -> LossCurve:
    losses = _losses(validation)
    return LossCurve(training=_losses(fit), validation=losses, best_epoch=int(np.argmin(losses)))
