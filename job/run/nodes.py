"""Which kinds of machine computed the windows of a run: on different ones, results agree only nearly."""

from collections.abc import Iterable

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
    windows: dict[str, list[int]] = {}
    for index in indexes:
        stored = store.get(keys.execution(index))
        if stored is None:  # its pod died between the manifest and this
            continue
        execution = parse_record(ExecutionRecord, stored.data, where=keys.execution(index))
        name = execution.cpu if execution.device == "cpu" else f"{execution.cpu}, {execution.device}"
        windows.setdefault(name, []).append(index)
    return windows
