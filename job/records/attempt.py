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


class WindowRunRecord(Record):
    """How one window of a finished run came to its end; None is what its pod left no word of."""

    num_attempts: int
    seconds: float | None
    exit_code: int | None


class RunExecutionRecord(Record):
    """How each window of a finished run came to its end, by its index: one object for whoever shows all of them."""

    schema_version: Literal[1] = SCHEMA_VERSION
    windows: dict[str, WindowRunRecord]
