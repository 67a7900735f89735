"""Which kinds of machine computed the windows of a run: on different ones, results agree only nearly."""

from collections.abc import Iterable, Mapping

from job.artifacts.keys import RunKeys
from job.artifacts.store import ObjectStore
from job.artifacts.stored_records import parse_record
from job.records import ExecutionRecord


def windows_by_node(store: ObjectStore, keys: RunKeys, indexes: Iterable[int]) -> dict[str, list[int]]:
    """The windows that each kind of processor and device computed, by its name; a window that does not say is left out.

    Parameters
    ----------
    indexes : of windows that are done.
    """
    told = {}
    for index in indexes:
        stored = store.get(keys.execution(index))
        if stored is not None:  # else its pod died between the manifest and this
            told[index] = parse_record(ExecutionRecord, stored.data, where=keys.execution(index))
    return by_node(told)


def by_node(executions: Mapping[int, ExecutionRecord]) -> dict[str, list[int]]:
    """The same of windows that have told how they ran."""
    windows: dict[str, list[int]] = {}
    for index, execution in executions.items():
        name = execution.cpu if execution.device == "cpu" else f"{execution.cpu}, {execution.device}"
        windows.setdefault(name, []).append(index)
    return windows
