import pytest

from job.artifacts.json_bytes import from_json_bytes, to_json_bytes
from job.artifacts.stored_records import parse_record, record_bytes
from job.errors import DataError
from job.records import FailureRecord, MeasureRecord

FAILURE = FailureRecord(index=3, exit_code=65, message="Changed.", remedy="Use a new run id.")


def test_record_comes_back_as_it_was() -> None:
    """A record survives being stored, and equal records give equal bytes."""
    assert parse_record(FailureRecord, record_bytes(FAILURE), where="memory") == FAILURE
    assert record_bytes(FAILURE) == record_bytes(FAILURE.model_copy())
    assert parse_record(MeasureRecord, record_bytes(MeasureRecord(value=0.1)), where="memory").value == 0.1


@pytest.mark.parametrize(
    "change", [{"schema_version": 2}, {"unknown": 1}, {"index": "three"}, {"message": None}], ids=str
)
def test_reader_refuses_what_it_does_not_know(change: dict[str, object]) -> None:
    """A newer schema, another field and another type each end in one sentence that names the object."""
    content = from_json_bytes(record_bytes(FAILURE), where="memory") | change
    with pytest.raises(DataError, match=r"windows/3/failure\.json is no FailureRecord"):
        parse_record(FailureRecord, to_json_bytes(content), where="windows/3/failure.json")
