"""What else the result of a run went through."""

from typing import Literal

from job.records.shapes import SCHEMA_VERSION, MeasureRecord, Record


class FanRecord(Record):
    """Quantiles of the account along the days in redrawn histories, starting with 1."""

    quantiles: tuple[float, ...]
    equity: tuple[tuple[float, ...], ...]


class MonteCarloRecord(Record):
    """What the same days in another order would have made; cannot speak to overfitting.

    Drawdowns are negative fractions by quantile level as text: of redrawn daily curves, and of the closed trades in
    shuffled order.
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


class NullWorldRecord(Record):
    """What the whole procedure made of one market in which nothing can be forecast."""

    schema_version: Literal[1] = SCHEMA_VERSION
    index: int
    sharpe_ratio: MeasureRecord
    total_return: MeasureRecord
    num_trades: int


class NullWorldsRecord(Record):
    """The whole procedure on markets redrawn so that nothing can be forecast: they speak to overfitting."""

    num_worlds: int
    sharpe_ratios: tuple[float | None, ...]
    p_value: MeasureRecord


class DriftRecord(Record):
    """Drift of each window that measured it, judged by the windows before it; the tuples are parallel.

    ``percentile`` is the share of the windows up to it, itself included, that have a lower AUC.
    """

    window: tuple[int, ...]
    auc: tuple[MeasureRecord, ...]
    percentile: tuple[MeasureRecord, ...]
    after_the_fact_auc: tuple[MeasureRecord, ...]
    drifting_features: tuple[tuple[str, ...], ...]
