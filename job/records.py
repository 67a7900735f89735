"""The shapes that are stored. Each carries ``schema_version``; a reader refuses a version that it does not know.

Numbers that do not exist are ``{"value": null, "reason": ...}``. Times are UTC milliseconds in fields that end in
``_ms``; times of how a run went, in `AttemptRecord` and `ExecutionRecord`, never reach a manifest.
"""

from typing import Final, Literal

from pydantic import BaseModel, ConfigDict

from job.settings.groups import (
    CostSettings,
    FeatureSettings,
    LabelSettings,
    MarketSettings,
    ModelSettings,
    StrategySettings,
    WindowSettings,
)

SCHEMA_VERSION: Final = 1


class Record(BaseModel):
    """A stored shape: frozen, closed, and without NaN or infinity."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, protected_namespaces=())


class MeasureRecord(Record):
    """A number, or why there is none."""

    value: float | None
    reason: str | None = None


class IntervalRecord(Record):
    """A 95 % interval, or why there is none."""

    low: float | None
    high: float | None
    reason: str | None = None


Measures = dict[str, MeasureRecord]


class ProcedureRecord(Record):
    """Everything that decides what is trained and how it is traded; nothing of where or how fast."""

    market: MarketSettings
    costs: CostSettings
    strategy: StrategySettings
    label: LabelSettings
    features: FeatureSettings
    windows: WindowSettings
    model: ModelSettings


class WindowSpanRecord(Record):
    """One window of the plan, half-open spans of bar open times."""

    index: int
    train_start_ms: int
    test_start_ms: int
    test_end_ms: int


class PlanRecord(Record):
    """What every pod of a run works from; created once by whoever comes first, and never changed."""

    schema_version: Literal[1] = SCHEMA_VERSION
    run_id: str
    stamp: str
    created_at_ms: int
    procedure: ProcedureRecord
    feature_set: str
    feature_names: tuple[str, ...]
    windows: tuple[WindowSpanRecord, ...]
    end_ms: int
    day_digests: dict[str, str]
    threads: int
    device: str
    versions: dict[str, str]


class ThresholdRecord(Record):
    """Probabilities that open a position; both None where validation found nothing that beats staying flat."""

    buy: float | None
    sell: float | None
    validation_score: float | None


class ModelRecord(Record):
    """One model on one window: chosen on validation, tested once."""

    thresholds: ThresholdRecord
    shrinkage: float
    validation: Measures
    test: Measures


class LossCurveRecord(Record):
    """Mean log-loss by epoch of one fit."""

    training: tuple[float, ...]
    validation: tuple[float, ...]
    best_epoch: int


class WindowRecord(Record):
    """One finished window. ``models`` holds the traded model under its name, and the baselines."""

    schema_version: Literal[1] = SCHEMA_VERSION
    span: WindowSpanRecord
    selected_on: Literal["validation"] = "validation"
    traded_model: str
    num_train_rows: int
    num_test_bars: int
    best_epoch: int | None
    loss_curves: tuple[LossCurveRecord, ...]
    models: dict[str, ModelRecord]


class FailureRecord(Record):
    """A window that failed for good: the sentence, the remedy and the exit code that its pod ended with."""

    schema_version: Literal[1] = SCHEMA_VERSION
    index: int
    exit_code: int
    message: str
    remedy: str


class LedgerEntryRecord(Record):
    """A test slice that is about to be read, by the model with this hash."""

    schema_version: Literal[1] = SCHEMA_VERSION
    procedure: ProcedureRecord
    feature_set: str
    test_start_ms: int
    test_end_ms: int
    model_hash: str


class LedgerResultRecord(Record):
    """The daily returns of one reading."""

    schema_version: Literal[1] = SCHEMA_VERSION
    day_ms: tuple[int, ...]
    daily_return: tuple[float, ...]


class AttemptRecord(Record):
    """One start of one window: rewritten at each heartbeat, and once when it ends."""

    schema_version: Literal[1] = SCHEMA_VERSION
    index: int
    attempt: int
    max_attempts: int
    host: str
    started_at_ms: int
    beat_at_ms: int
    ended_at_ms: int | None = None
    exit_code: int | None = None
    stage: str
    epoch: int | None = None


class ExecutionRecord(Record):
    """How the attempt that finished a window ran."""

    schema_version: Literal[1] = SCHEMA_VERSION
    index: int
    attempt: int
    host: str
    cpu: str
    device: str
    started_at_ms: int
    ended_at_ms: int
    seconds_by_stage: dict[str, float]


class ModelSummaryRecord(Record):
    """One model over the stitched out-of-sample curve."""

    measures: Measures
    sharpe_interval: IntervalRecord


class EstimateRecord(Record):
    """A number with its 95 % interval."""

    value: float | None
    low: float | None
    high: float | None
    reason: str | None = None


class DifferenceRecord(Record):
    """The traded model less another model or rule, paired day by day.

    ``log_loss`` is None for rules, which forecast nothing; below 0 the traded model forecasts better.
    """

    daily_return: EstimateRecord
    sharpe_ratio: EstimateRecord
    log_loss: EstimateRecord | None


class RandomSignalsRecord(Record):
    """Signals at random with the traded model's number and length of trades: what luck alone would have made."""

    num_draws: int
    median_return: MeasureRecord
    median_sharpe: MeasureRecord
    share_below: MeasureRecord


class FanRecord(Record):
    """Quantiles of the account along the days in redrawn histories, starting with 1."""

    quantiles: tuple[float, ...]
    equity: tuple[tuple[float, ...], ...]


class MonteCarloRecord(Record):
    """What the same days in another order would have made; cannot speak to overfitting.

    Drawdowns are of daily curves, negative fractions, by quantile level as text.
    """

    num_draws: int
    fan: FanRecord | None
    probability_of_loss: MeasureRecord
    drawdown_quantiles: dict[str, float]
    shuffled_drawdown_quantiles: dict[str, float]


class StressRecord(Record):
    """The same decisions under other circumstances."""

    name: str
    total_return: MeasureRecord
    sharpe_ratio: MeasureRecord


class NullWorldsRecord(Record):
    """The whole procedure on markets whose order in time was shuffled: they speak to overfitting."""

    num_worlds: int
    sharpe_ratios: tuple[float | None, ...]
    p_value: MeasureRecord


class DriftRecord(Record):
    """Can a classifier tell one stretch of days from the next? For each window, and judged by the windows before."""

    auc: tuple[float | None, ...]
    percentile: tuple[float | None, ...]
    after_the_fact_auc: tuple[float | None, ...]
    drifting_features: tuple[tuple[str, ...], ...]


class SummaryRecord(Record):
    """The run in one object: the headline, the verdict and what stands beside them.

    ``num_windows`` are planned, ``num_done`` finished; every number is of those that finished.
    """

    schema_version: Literal[1] = SCHEMA_VERSION
    symbol: str
    interval: str
    traded_model: str
    first_test_ms: int
    last_test_ms: int
    num_windows: int
    num_done: int
    failed_windows: dict[str, str]
    headline: str
    warnings: tuple[str, ...] = ()
    num_days: int
    num_trials: int
    num_trials_of_symbol: int = 0
    effective_trials: MeasureRecord = MeasureRecord(value=None, reason="not_computed")
    trials_counted_in: str
    psr: MeasureRecord
    dsr: MeasureRecord
    dsr_of_all_trials: MeasureRecord = MeasureRecord(value=None, reason="not_computed")
    pbo: MeasureRecord = MeasureRecord(value=None, reason="not_computed")
    min_track_record_days: MeasureRecord
    smallest_visible_sharpe: MeasureRecord = MeasureRecord(value=None, reason="not_computed")
    spa_p: MeasureRecord
    break_even_bps: MeasureRecord
    assumed_cost_bps: float
    windows_above_zero: MeasureRecord
    worst_window: MeasureRecord
    worst_window_index: int | None
    verdict: Literal["no evidence", "weak", "evidence"]
    verdict_reason: str
    forecast: Literal["none", "volatility only", "direction"] = "none"
    forecast_reason: str = ""
    model: str = ""
    model_reason: str = ""
    next: str
    models: dict[str, ModelSummaryRecord]
    differences: dict[str, DifferenceRecord] = {}
    random_signals: RandomSignalsRecord | None = None
    monte_carlo: MonteCarloRecord | None = None
    stress: tuple[StressRecord, ...] = ()
    null_worlds: NullWorldsRecord | None = None
    drift: DriftRecord | None = None


class RunIndexEntry(Record):
    """One run in ``runs-index.json``."""

    run_id: str
    state: Literal["running", "finished"]
    symbol: str
    interval: str
    created_at_ms: int
    num_windows: int
    num_done: int
    num_failed: int
    sharpe_ratio: MeasureRecord | None = None
    sharpe_interval: IntervalRecord | None = None
    dsr: MeasureRecord | None = None
    num_trials: int | None = None
    verdict: Literal["no evidence", "weak", "evidence"] | None = None


class RunsIndexRecord(Record):
    """Every run under a save path."""

    schema_version: Literal[1] = SCHEMA_VERSION
    runs: dict[str, RunIndexEntry]
