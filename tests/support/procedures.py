"""Procedures that differ in a few settings, named without their groups."""

from job.records import ProcedureRecord


def with_changes(procedure: ProcedureRecord, **changes: object) -> ProcedureRecord:
    """The procedure with other values of settings, validated; each name must belong to one group alone."""
    record = procedure.model_dump()
    for name, value in changes.items():
        (group,) = (group for group in record if name in record[group])
        record[group][name] = value
    return ProcedureRecord.model_validate(record)
