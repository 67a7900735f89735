"""What other processes do to a folder store in tests: importable, so that spawned processes find it."""

from itertools import cycle
from pathlib import Path

from job.artifacts.folder import LocalStore
from job.artifacts.store import CreateOutcome, update


def increment(data: bytes | None) -> bytes:
    """One more."""
    return str(int(data or b"0") + 1).encode()


def create_as(root: Path, key: str, name: str) -> CreateOutcome:
    """Try to create ``key`` with ``name`` as its content."""
    return LocalStore(root).create(key, name.encode()).outcome


def increment_times(root: Path, key: str, times: int) -> None:
    """Increment ``key`` so many times."""
    store = LocalStore(root)
    for _ in range(times):
        update(store, key, increment)


def write_for_ever(root: Path, key: str, size: int) -> None:
    """Write two contents in turn until killed; each is one letter, ``size`` times."""
    store = LocalStore(root)
    for letter in cycle((b"a", b"b")):
        store.put(key, letter * size)
