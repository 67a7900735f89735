"""Kill a writer of the folder store at every line of its code, and look at what a reader then finds.

Run as a program of one thread, since each point costs a fork: ``python -m tests.support.kill_points FOLDER``.
Prints JSON: for each operation the number of points and how often the old and the new object were found.
"""

import json
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

from job.artifacts import folder
from job.artifacts.folder import LocalStore

OLD = b"old" * 1000
NEW = b"new, and longer" * 1000
KEY = "runs/a/plan.json"


def _put(store: LocalStore) -> None:
    store.put(KEY, NEW)


def _create(store: LocalStore) -> None:
    store.create(KEY, NEW)


def _replace(store: LocalStore) -> None:
    present = store.get(KEY)
    assert present is not None
    store.replace(KEY, NEW, etag=present.etag)


def _delete(store: LocalStore) -> None:
    store.delete(KEY)


OPERATIONS: dict[str, tuple[Callable[[LocalStore], None], bytes | None, bytes | None]] = {
    "put": (_put, OLD, NEW),
    "create": (_create, None, NEW),
    "replace": (_replace, OLD, NEW),
    "delete": (_delete, OLD, None),
}


def _die_at_line(number: int) -> None:
    """Let this process kill itself before the ``number``-th line of the store's module that it comes to."""
    seen = 0

    def trace(frame: FrameType, event: str, _argument: Any) -> Any:
        nonlocal seen
        if frame.f_code.co_filename != folder.__file__:
            return None
        if event == "line":
            seen += 1
            if seen == number:
                os.kill(os.getpid(), signal.SIGKILL)
        return trace

    sys.settrace(trace)


def _was_killed(root: Path, operation: Callable[[LocalStore], None], line: int) -> bool:
    child = os.fork()
    if child == 0:
        store = LocalStore(root)
        _die_at_line(line)
        operation(store)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    return os.WIFSIGNALED(status)


def main(root: Path) -> None:
    """Try every point of every operation."""
    report = {}
    for name, (operation, before, after) in OPERATIONS.items():
        line, found = 0, {"old": 0, "new": 0}
        is_killed = True
        while is_killed:
            line += 1
            # A folder of its own: leftovers of earlier points would give the sweep more lines each time.
            place = root / name / str(line)
            store = LocalStore(place)
            if before is None:
                store.delete(KEY)
            else:
                store.put(KEY, before)
            is_killed = _was_killed(place, operation, line)
            stored = store.get(KEY)
            data = stored.data if stored else None
            assert data in (before, after), f"{name}, line {line}: half an object"
            listed = [info.key for info in store.list("")]
            assert listed == ([KEY] if data is not None else []), f"{name}, line {line}: {listed}"
            found["new" if data == after else "old"] += 1
        assert data == after, f"{name} ended without its result"
        report[name] = {"points": line, **found}
    print(json.dumps(report))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
