"""The store as a folder: what a bucket promises, by links, renames and one lock.

An object is written whole to a private file, then given its name in one step, so a process may be killed
between any two instructions. Private files lie under one hidden folder; a killed writer's are swept later.
"""

import errno
import fcntl
import hashlib
import os
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from operator import attrgetter
from pathlib import Path

from job.artifacts.folder_errors import explained
from job.artifacts.keys import RESERVED_PREFIX, check_key, check_prefix
from job.artifacts.store import (
    MAX_OBJECT_BYTES,
    CreateOutcome,
    Creation,
    ObjectInfo,
    StoredObject,
    check_size,
    too_large,
)

_LEFTOVER_AGE_S = 24 * 3600  # no write takes so long


class LocalStore:
    """Objects as files under ``root``, which is made by the first write. The etag is the content's SHA-256."""

    def __init__(self, root: Path) -> None:
        self._root = root.absolute()
        self._private = self._root / RESERVED_PREFIX
        self._is_swept = False
        with explained(self.location):
            if self._root.exists() and not self._root.is_dir():
                raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), str(self._root))

    @property
    def location(self) -> str:
        """The folder's absolute path."""
        return str(self._root)

    def get(self, key: str, *, max_bytes: int = MAX_OBJECT_BYTES) -> StoredObject | None:
        """See `ObjectStore.get`."""
        path = self._root / check_key(key)
        with explained(self.location), suppress(FileNotFoundError):
            if not path.is_file():
                return None
            with path.open("rb") as file:
                size = os.fstat(file.fileno()).st_size
                if size > max_bytes:
                    raise too_large(self.location, key, size=size, max_bytes=max_bytes)
                data = file.read()
            return StoredObject(data=data, etag=_etag(data))
        return None

    def reread(self, key: str, known: StoredObject, *, max_bytes: int = MAX_OBJECT_BYTES) -> StoredObject | None:
        """See `ObjectStore.reread`. Times are too coarse to tell a change by, so the content is compared."""
        present = self.get(key, max_bytes=max_bytes)
        return known if present is not None and present.etag == known.etag else present

    def put(self, key: str, data: bytes) -> str:
        """See `ObjectStore.put`."""
        with self._staged(key, data) as staged, self._locked():
            self._publish(staged, key)
        return _etag(data)

    def create(self, key: str, data: bytes) -> Creation:
        """See `ObjectStore.create`."""
        with self._staged(key, data) as staged, self._locked():
            target = self._make_room(key)
            try:
                # A link never replaces, even on a shared mount whose locks do not reach other machines.
                os.link(staged, target)
            except FileExistsError:
                stored = self.get(key)
                if stored is None:
                    raise IsADirectoryError(str(target)) from None
                is_equal = stored.data == data
                outcome = CreateOutcome.ALREADY_EQUAL if is_equal else CreateOutcome.CONFLICT
                return Creation(outcome=outcome, stored=stored)
            _sync_folder(target.parent)
        return Creation(outcome=CreateOutcome.CREATED, stored=StoredObject(data=data, etag=_etag(data)))

    def replace(self, key: str, data: bytes, *, etag: str | None) -> bool:
        """See `ObjectStore.replace`."""
        if etag is None:
            return self.create(key, data).outcome is CreateOutcome.CREATED
        with self._staged(key, data) as staged, self._locked():
            present = self.get(key)
            if present is None or present.etag != etag:
                return False
            self._publish(staged, key)
        return True

    def list(self, prefix: str) -> Iterator[ObjectInfo]:
        """See `ObjectStore.list`."""
        check_prefix(prefix)
        with explained(self.location):
            infos = sorted(self._infos(prefix), key=attrgetter("key"))
        yield from infos

    def delete(self, key: str) -> None:
        """See `ObjectStore.delete`. Folders that it leaves empty go too."""
        path = self._root / check_key(key)
        with explained(self.location), self._locked():
            with suppress(FileNotFoundError, NotADirectoryError):
                path.unlink()
            # The save path itself holds the private files, so the climb ends there at the latest.
            for folder in path.parents:
                try:
                    folder.rmdir()
                except OSError:
                    break

    @contextmanager
    def _staged(self, key: str, data: bytes) -> Iterator[Path]:
        """Write ``data`` to a private file that is gone, or has become the object, when the block ends."""
        check_key(key)
        check_size(key, data)
        staged = self._private / f"{os.getpid()}-{secrets.token_hex(8)}"
        with explained(self.location):
            self._private.mkdir(parents=True, exist_ok=True)
            self._sweep()
            try:
                with staged.open("xb") as file:
                    file.write(data)
                    file.flush()
                    os.fsync(file.fileno())
                yield staged
            finally:
                staged.unlink(missing_ok=True)

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """One writer at a time gives names; the system frees the lock of a killed one."""
        self._private.mkdir(parents=True, exist_ok=True)
        with (self._private / "lock").open("ab") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def _make_room(self, key: str) -> Path:
        """The path of ``key``, its folder made; under the lock, since `delete` removes empty folders."""
        target = self._root / key
        target.parent.mkdir(parents=True, exist_ok=True)
        return target

    def _publish(self, staged: Path, key: str) -> None:
        """Give the staged file its name, over whatever has it now."""
        target = self._make_room(key)
        staged.replace(target)
        _sync_folder(target.parent)

    def _sweep(self) -> None:
        """Remove, once per store, private files so old that their writers must be dead."""
        if self._is_swept:
            return
        self._is_swept = True
        oldest_s = time.time() - _LEFTOVER_AGE_S
        for leftover in self._private.iterdir():
            with suppress(FileNotFoundError):
                if leftover.name != "lock" and leftover.stat().st_mtime < oldest_s:
                    leftover.unlink()

    def _infos(self, prefix: str) -> Iterator[ObjectInfo]:
        """Objects with ``prefix``, in any order; files whose names no key can have are not ours."""
        folders = [prefix[: prefix.rfind("/") + 1]]
        while folders:
            base = folders.pop()
            # What is deleted while it is looked at is not there. Plain names: a ledger holds a hundred thousand.
            with suppress(FileNotFoundError, NotADirectoryError), os.scandir(f"{self._root}/{base}") as entries:
                for entry in entries:
                    key = base + entry.name
                    if entry.is_dir(follow_symlinks=False):
                        if _may_hold(f"{key}/", prefix):
                            folders.append(f"{key}/")
                    elif key.startswith(prefix):
                        with suppress(FileNotFoundError, ValueError):
                            if entry.is_file():
                                yield _info(check_key(key), entry.stat())


def _may_hold(folder: str, prefix: str) -> bool:
    """Whether a key with ``prefix`` may lie in ``folder``, which ends with a slash."""
    is_on_the_way = folder.startswith(prefix) or prefix.startswith(folder)
    return is_on_the_way and folder != RESERVED_PREFIX


def _info(key: str, status: os.stat_result) -> ObjectInfo:
    return ObjectInfo(key=key, size=status.st_size, modified_ms=status.st_mtime_ns // 1_000_000)


def _sync_folder(folder: Path) -> None:
    """Make a new name survive a power cut."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _etag(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
