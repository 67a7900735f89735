"""A store that counts what is asked of it: requests, and bytes each way. It changes nothing, and keeps no content."""

import threading
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from job.artifacts.store import MAX_OBJECT_BYTES, CreateOutcome, Creation, ObjectInfo, ObjectStore, StoredObject


@dataclass(kw_only=True)
class StoreUse:
    """What has been asked so far; several stores may count into one, from several threads.

    ``num_requests`` is by operation, retries of the client apart; a listing is one, however many pages it has.
    """

    num_requests: Counter[str] = field(default_factory=Counter)
    bytes_read: int = 0
    bytes_written: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def note(self, operation: str, *, read: int = 0, written: int = 0) -> None:
        """One request more."""
        with self._lock:
            self.num_requests[operation] += 1
            self.bytes_read += read
            self.bytes_written += written


class MeteredStore:
    """``store``, with what is asked of it counted in ``use``."""

    def __init__(self, store: ObjectStore, *, use: StoreUse) -> None:
        self._store, self._use = store, use

    @property
    def location(self) -> str:
        """See `ObjectStore.location`."""
        return self._store.location

    def get(self, key: str, *, max_bytes: int = MAX_OBJECT_BYTES) -> StoredObject | None:
        """See `ObjectStore.get`."""
        stored = self._store.get(key, max_bytes=max_bytes)
        self._use.note("get", read=0 if stored is None else len(stored.data))
        return stored

    def reread(self, key: str, known: StoredObject, *, max_bytes: int = MAX_OBJECT_BYTES) -> StoredObject | None:
        """See `ObjectStore.reread`."""
        stored = self._store.reread(key, known, max_bytes=max_bytes)
        self._use.note("get", read=0 if stored is None or stored is known else len(stored.data))
        return stored

    def put(self, key: str, data: bytes) -> str:
        """See `ObjectStore.put`."""
        self._use.note("put", written=len(data))
        return self._store.put(key, data)

    def create(self, key: str, data: bytes) -> Creation:
        """See `ObjectStore.create`."""
        creation = self._store.create(key, data)
        if creation.outcome is CreateOutcome.CREATED:
            self._use.note("put", written=len(data))
        else:
            self._use.note("put", written=len(data), read=len(creation.stored.data))
        return creation

    def replace(self, key: str, data: bytes, *, etag: str | None) -> bool:
        """See `ObjectStore.replace`."""
        self._use.note("put", written=len(data))
        return self._store.replace(key, data, etag=etag)

    def list(self, prefix: str) -> Iterator[ObjectInfo]:
        """See `ObjectStore.list`."""
        self._use.note("list")
        yield from self._store.list(prefix)

    def delete(self, key: str) -> None:
        """See `ObjectStore.delete`."""
        self._use.note("delete")
        self._store.delete(key)
