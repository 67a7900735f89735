"""Every run under a save path."""

from typing import Literal

from job.records.plan import RunKind
from job.records.shapes import SCHEMA_VERSION, IntervalRecord, MeasureRecord, Record


class RunIndexEntry(Record):
    """One run in ``runs-index.json``; what only a finished run has is None before.

    The two medians are of the windows' Sharpe ratios, bar by bar: what was chosen on, and what came of it.
    """

    run_id: str
    state: Literal["running", "finished"]
    symbol: str
    interval: str
    kind: RunKind = "walkforward"
    created_at_ms: int
    num_windows: int
    num_done: int
    num_failed: int
    sharpe_ratio: MeasureRecord | None = None
    sharpe_interval: IntervalRecord | None = None
    median_validation_sharpe: MeasureRecord | None = None
    median_test_sharpe: MeasureRecord | None = None
    total_return: MeasureRecord | None = None
    max_drawdown: MeasureRecord | None = None
    turnover: MeasureRecord | None = None
    break_even_bps: MeasureRecord | None = None
    num_days: int | None = None
    dsr: MeasureRecord | None = None
    num_trials: int | None = None
    verdict: Literal["no evidence", "weak", "evidence"] | None = None


class RunsIndexRecord(Record):
    """Every run under a save path."""

    schema_version: Literal[1] = SCHEMA_VERSION
    runs: dict[str, RunIndexEntry]
