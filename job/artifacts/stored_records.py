"""Records to bytes and back; a reader refuses what it does not know."""

from collections.abc import Mapping
from typing import TypeVar

from pydantic import JsonValue, ValidationError

from job.artifacts.json_bytes import from_json_bytes, to_json_bytes
from job.errors import DataError
from job.records import Record

RecordT = TypeVar("RecordT", bound=Record)


def record_bytes(record: Record) -> bytes:
    """The stored form: canonical JSON, so that equal records give equal bytes."""
    return to_json_bytes(record.model_dump(mode="json"))


def parse_record(kind: type[RecordT], data: bytes, *, where: str) -> RecordT:
    """A record from its bytes; `DataError` for anything else, a newer schema included."""
    return checked_record(kind, from_json_bytes(data, where=where), where=where)


def checked_record(kind: type[RecordT], content: Mapping[str, JsonValue], *, where: str) -> RecordT:
    """A record from what its bytes say; `DataError` for anything else, a newer schema included."""
    try:
        return kind.model_validate(content)
    except ValidationError as error:
        raise DataError(
            f"{where} is no {kind.__name__} that this version knows.",
            remedy="Read it with the version that wrote it, or a newer one.",
        ) from error
