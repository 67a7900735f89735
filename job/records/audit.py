"""What an audit of a run's settings and data found. Never part of a manifest: it can be made at any time."""

from typing import Literal

from job.records.shapes import SCHEMA_VERSION, Record


class AuditFindingRecord(Record):
    """One check: its name, what a pass means, how it ended, the numbers behind that, and what to do where it failed."""

    check: str
    proves: str
    outcome: Literal["pass", "fail", "not run"]
    evidence: str
    remedy: str


class AuditRecord(Record):
    """Every check of the newest audit, made on the stored bars up to ``end_ms``."""

    schema_version: Literal[1] = SCHEMA_VERSION
    end_ms: int
    is_deep: bool
    findings: tuple[AuditFindingRecord, ...]
