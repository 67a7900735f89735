"""The shapes that are stored. Each carries ``schema_version``; a reader refuses a version that it does not know.

Numbers that do not exist are ``{"value": null, "reason": ...}``. Times are UTC milliseconds in fields that end in
``_ms``; times of how a run went, in `AttemptRecord` and `ExecutionRecord`, never reach a manifest.
"""

from job.records.attempt import AttemptRecord, ExecutionRecord
from job.records.audit import AuditFindingRecord, AuditRecord
from job.records.index import RunIndexEntry, RunsIndexRecord
from job.records.ledger import (
    HoldoutLedgerRecord,
    HoldoutOpeningRecord,
    HoldoutRecord,
    LedgerEntryRecord,
    LedgerResultRecord,
)
from job.records.plan import PlanRecord, ProcedureRecord, RunKind, WindowSpanRecord
from job.records.robustness import (
    DriftRecord,
    FanRecord,
    MonteCarloRecord,
    NullWorldRecord,
    NullWorldsRecord,
    StressRecord,
)
from job.records.shapes import SCHEMA_VERSION, EstimateRecord, IntervalRecord, MeasureRecord, Measures, Record
from job.records.summary import (
    FLAT,
    LAST_RETURN,
    LONG,
    NO_SKILL_RULES,
    DifferenceRecord,
    ModelSummaryRecord,
    RandomSignalsRecord,
    SummaryRecord,
)
from job.records.window import (
    BlendRecord,
    FailureRecord,
    LossCurveRecord,
    ModelRecord,
    ThresholdRecord,
    WindowDriftRecord,
    WindowRecord,
)

__all__ = [
    "FLAT",
    "LAST_RETURN",
    "LONG",
    "NO_SKILL_RULES",
    "SCHEMA_VERSION",
    "AttemptRecord",
    "AuditFindingRecord",
    "AuditRecord",
    "BlendRecord",
    "DifferenceRecord",
    "DriftRecord",
    "EstimateRecord",
    "ExecutionRecord",
    "FailureRecord",
    "FanRecord",
    "HoldoutLedgerRecord",
    "HoldoutOpeningRecord",
    "HoldoutRecord",
    "IntervalRecord",
    "LedgerEntryRecord",
    "LedgerResultRecord",
    "LossCurveRecord",
    "MeasureRecord",
    "Measures",
    "ModelRecord",
    "ModelSummaryRecord",
    "MonteCarloRecord",
    "NullWorldRecord",
    "NullWorldsRecord",
    "PlanRecord",
    "ProcedureRecord",
    "RandomSignalsRecord",
    "Record",
    "RunIndexEntry",
    "RunKind",
    "RunsIndexRecord",
    "StressRecord",
    "SummaryRecord",
    "ThresholdRecord",
    "WindowDriftRecord",
    "WindowRecord",
    "WindowSpanRecord",
]
