"""The shapes that are stored. Each carries ``schema_version``; a reader refuses a version that it does not know.

Numbers that do not exist are ``{"value": null, "reason": ...}``. Times are UTC milliseconds in fields that end in
``_ms``; how a run went, in `AttemptRecord`, `ExecutionRecord` and `RunExecutionRecord`, never reaches a manifest.
"""

from job.records.attempt import AttemptRecord, ExecutionRecord, RunExecutionRecord, WindowRunRecord
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
from job.records.promotion import CurrentModelRecord, PreviousModelRecord
from job.records.robustness import (
    DriftRecord,
    FanRecord,
    MonteCarloRecord,
    NullWorldRecord,
    NullWorldsRecord,
    StressRecord,
)
from job.records.shapes import SCHEMA_VERSION, EstimateRecord, IntervalRecord, MeasureRecord, Measures, Record
from job.records.since_release import BandRecord, CalibrationRecord, ReleaseDriftRecord, SinceReleaseRecord
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
    POOLED,
    SCRATCH,
    BlendRecord,
    CandidateRecord,
    FailureRecord,
    LossCurveRecord,
    ModelRecord,
    SearchRecord,
    ThresholdRecord,
    WindowDriftRecord,
    WindowRecord,
)

__all__ = [
    "FLAT",
    "LAST_RETURN",
    "LONG",
    "NO_SKILL_RULES",
    "POOLED",
    "SCHEMA_VERSION",
    "SCRATCH",
    "AttemptRecord",
    "AuditFindingRecord",
    "AuditRecord",
    "BandRecord",
    "BlendRecord",
    "CalibrationRecord",
    "CandidateRecord",
    "CurrentModelRecord",
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
    "PreviousModelRecord",
    "ProcedureRecord",
    "RandomSignalsRecord",
    "Record",
    "ReleaseDriftRecord",
    "RunExecutionRecord",
    "RunIndexEntry",
    "RunKind",
    "RunsIndexRecord",
    "SearchRecord",
    "SinceReleaseRecord",
    "StressRecord",
    "SummaryRecord",
    "ThresholdRecord",
    "WindowDriftRecord",
    "WindowRecord",
    "WindowRunRecord",
    "WindowSpanRecord",
]
