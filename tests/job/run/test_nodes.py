from pathlib import Path

from job.artifacts.folder import LocalStore
from job.artifacts.keys import RunKeys
from job.artifacts.stored_records import record_bytes
from job.records import ExecutionRecord
from job.run.nodes import windows_by_node


def test_windows_are_named_by_what_computed_them(tmp_path: Path) -> None:
    """One entry a kind of processor and GPU; a window whose pod died before it could say is in none."""
    store, keys = LocalStore(tmp_path), RunKeys("a")
    for index, (cpu, device) in enumerate([("X", "cpu"), ("Y", "cpu"), ("X", "cpu"), ("X", "H200")]):
        record = ExecutionRecord(
            index=index,
            attempt=1,
            host=f"host-{index}",
            cpu=cpu,
            device=device,
            started_at_ms=0,
            ended_at_ms=1,
            seconds_by_stage={},
        )
        store.put(keys.execution(index), record_bytes(record))
    assert windows_by_node(store, keys, range(5)) == {"X": [0, 2], "Y": [1], "X, H200": [3]}
