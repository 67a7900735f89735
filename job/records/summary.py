"""The run in one object."""

from typing import Literal

from job.records.robustness import DriftRecord, MonteCarloRecord, NullWorldsRecord, StressRecord
from job.records.shapes import SCHEMA_VERSION, EstimateRecord, IntervalRecord, MeasureRecord, Measures, Record

# The rules that need no model and have no skill, as they are named among the models.
FLAT, LONG, LAST_RETURN = "always-flat", "always-long", "last-return"
NO_SKILL_RULES = (FLAT, LONG, LAST_RETURN)


class ModelSummaryRecord(Record):
    """One model over the stitched out-of-sample curve."""

    measures: Measures
    sharpe_interval: IntervalRecord


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


class SummaryRecord(Record):
    """The run in one object: the headline, the verdict and what stands beside them.

    ``num_windows`` are planned, ``num_done`` finished; every number is of those that finished. ``luck_sharpe`` is the
    annual Sharpe ratio that the best of the trials would be expected to show without any skill, which ``dsr`` asks for.
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
    warnings: tuple[str, ...]
    num_days: int
    num_trials: int
    num_trials_of_symbol: int
    effective_trials: MeasureRecord
    trials_counted_in: str
    psr: MeasureRecord
    dsr: MeasureRecord
    dsr_of_all_trials: MeasureRecord
    luck_sharpe: MeasureRecord
    pbo: MeasureRecord
    min_track_record_days: MeasureRecord
    smallest_visible_sharpe: MeasureRecord
    spa_p: MeasureRecord
    break_even_bps: MeasureRecord
    assumed_cost_bps: float
    windows_above_zero: MeasureRecord
    median_validation_sharpe: MeasureRecord
    median_test_sharpe: MeasureRecord
    worst_window: MeasureRecord
    worst_window_index: int | None
    verdict: Literal["no evidence", "weak", "evidence"]
    verdict_reason: str
    forecast: Literal["none", "volatility only", "direction"]
    forecast_reason: str
    model: str
    model_reason: str
    next: str
    models: dict[str, ModelSummaryRecord]
    differences: dict[str, DifferenceRecord]
    random_signals: RandomSignalsRecord
    monte_carlo: MonteCarloRecord
    stress: tuple[StressRecord, ...]
    null_worlds: NullWorldsRecord | None
    drift: DriftRecord | None
