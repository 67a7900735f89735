"""What a page is given: the objects of a run, how fresh they are, and what was wrong with the others."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from job.artifacts.curves import RunCurves
from job.errors import JobError
from job.records import HoldoutRecord, PlanRecord, RunIndexEntry, SummaryRecord
from job.records.windows import WindowsRecord
from job.run.state import WindowState

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class Reading(Generic[T]):
    """A parsed object, and when the store last said that it is the present one.

    ``stale_reason`` says why it could not be read again; empty where it was.
    """

    value: T
    key: str
    etag: str
    read_at_ms: int
    stale_reason: str = ""


@dataclass(frozen=True, kw_only=True)
class Fault:
    """An object that could not be used: its key, why, and what to do."""

    key: str
    message: str
    remedy: str

    @classmethod
    def of(cls, key: str, error: JobError) -> "Fault":
        """What an error says of an object."""
        return cls(key=key, message=error.message, remedy=error.remedy)


@dataclass(frozen=True, kw_only=True, eq=False)  # one reading is one index: what is made of it is kept beside it
class RunsIndex:
    """Every run that could be read, and the entries that could not.

    ``num_listed`` is how many objects a listing found where there was no index; None where there was one.
    """

    runs: Mapping[str, RunIndexEntry]
    faults: tuple[Fault, ...] = ()
    num_listed: int | None = None


@dataclass(frozen=True, kw_only=True)
class RunResult:
    """What a finalized run stored. ``curves`` and ``windows`` are None where they are absent or among the faults."""

    summary: SummaryRecord
    curves: RunCurves | None
    windows: WindowsRecord | None
    holdout: HoldoutRecord | None
    faults: tuple[Fault, ...]


@dataclass(frozen=True, kw_only=True)
class Session:
    """One run. ``result`` is None until it is finalized."""

    plan: Reading[PlanRecord]
    manifest_etag: str
    result: RunResult | None
    read_at_ms: int
    stale_reason: str = ""

    @property
    def run_id(self) -> str:
        """The run's name."""
        return self.plan.value.run_id


@dataclass(frozen=True, kw_only=True)
class Stored:
    """A session by what is stored of it: two are equal where that is, whenever they were read."""

    run_id: str
    plan: str
    manifest: str
    faults: tuple[Fault, ...]
    session: Session = field(compare=False)

    @classmethod
    def of(cls, session: Session) -> "Stored":
        """A session as the key of what is made of it."""
        return cls(
            run_id=session.run_id,
            plan=session.plan.etag,
            manifest=session.manifest_etag,
            faults=() if session.result is None else session.result.faults,
            session=session,
        )


@dataclass(frozen=True, kw_only=True)
class Live:
    """How far a run is, at ``read_at_ms``; ``has_result`` is whether a manifest says that its result is made."""

    plan: PlanRecord
    states: tuple[WindowState, ...]
    has_result: bool
    read_at_ms: int

    @property
    def is_settled(self) -> bool:
        """Whether no window is expected to change."""
        return all(state.is_settled for state in self.states)

    @property
    def is_over(self) -> bool:
        """Whether nothing more is expected: a walk-forward's result comes after its last window."""
        return self.is_settled and (self.has_result or self.plan.kind == "training")
