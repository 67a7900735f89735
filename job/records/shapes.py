"""What all stored shapes are made of: a frozen record, a number or why there is none, an interval."""

from typing import Final

from pydantic import BaseModel, ConfigDict

SCHEMA_VERSION: Final = 1


class Record(BaseModel):
    """A stored shape: frozen, closed, and without NaN or infinity."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, protected_namespaces=())


class MeasureRecord(Record):
    """A number, or why there is none."""

    value: float | None
    reason: str | None = None


class IntervalRecord(Record):
    """A 95 % interval, or why there is none."""

    low: float | None
    high: float | None
    reason: str | None = None


class EstimateRecord(Record):
    """A number with its 95 % interval."""

    value: float | None
    low: float | None
    high: float | None
    reason: str | None = None


Measures = dict[str, MeasureRecord]
