"""The ledger of trials, and the book of locked-away days."""

from typing import Literal, Self

from pydantic import model_validator

from job.records.plan import ProcedureRecord
from job.records.shapes import SCHEMA_VERSION, IntervalRecord, Measures, Record


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

    @model_validator(mode="after")
    def _returns_belong_to_days(self) -> Self:
        if len(self.day_ms) != len(self.daily_return):
            raise ValueError("there are not as many returns as days")
        return self


class HoldoutOpeningRecord(Record):
    """One opening of locked-away days: by which run, of which procedure, and when."""

    run_id: str
    procedure: str
    model_hash: str
    opened_at_ms: int


class HoldoutLedgerRecord(Record):
    """All openings of the same locked-away days, in their order; each is noted before it reads."""

    schema_version: Literal[1] = SCHEMA_VERSION
    start_ms: int
    end_ms: int
    openings: tuple[HoldoutOpeningRecord, ...]


class HoldoutRecord(Record):
    """What the final model made of the locked-away days.

    ``opening`` counts from 1. The days are spent where somebody has looked at them before: ``spent_reason`` says who.
    """

    schema_version: Literal[1] = SCHEMA_VERSION
    start_ms: int
    end_ms: int
    model_hash: str
    opening: int
    is_spent: bool
    spent_reason: str | None
    num_days: int
    num_bars: int
    measures: Measures
    sharpe_interval: IntervalRecord
