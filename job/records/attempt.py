"""How a window was run. Never part of a manifest."""

from typing import Literal

from job.records.shapes import SCHEMA_VERSION, Record


class AttemptRecord(Record):
    """One start of one window: rewritten at each heartbeat, and once when it ends.

    ``num_failures`` before it are those that Kubernetes has counted, where it was told.
    """

    schema_version: Literal[1] = SCHEMA_VERSION
    index: int
    attempt: int
    max_attempts: int
    num_failures: int | None = None
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
