"""What a place for results can do, whether it is a folder or a bucket.

Every write is atomic: a reader sees the whole old object or the whole new one. Two writers meet in `create`
and `replace`, which succeed only when the object is absent, or still the one that was read. Method:
compare-and-swap on entity tags, the conditional requests of RFC 9110, section 13.
"""

import random
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import Enum
from typing import Protocol

from job.errors import DataError, StorageUnavailable

MAX_OBJECT_BYTES = 1 << 29  # far above any result, far below a container's memory
# Both conditional writes: the folder and SeaweedFS by our tests, the others by their own documentation.
STORES_THAT_WORK = "a folder, AWS S3, SeaweedFS, a recent MinIO or Cloudflare R2"
_NUM_UPDATE_TRIES = 40
_LONGEST_PAUSE_S = 1.0


@dataclass(frozen=True, kw_only=True)
class StoredObject:
    """An object as it was read; ``etag`` names exactly this content to `ObjectStore.replace`."""

    data: bytes
    etag: str


@dataclass(frozen=True, kw_only=True)
class ObjectInfo:
    """An object as it was listed: ``size`` in bytes, ``modified_ms`` in UTC milliseconds."""

    key: str
    size: int
    modified_ms: int


class CreateOutcome(Enum):
    """What became of a conditional create."""

    CREATED = "created"
    ALREADY_EQUAL = "already equal"  # somebody, perhaps an earlier try of ours, had written the same bytes
    CONFLICT = "conflict"


@dataclass(frozen=True, kw_only=True)
class Creation:
    """The outcome of `ObjectStore.create`, and what the store holds now: in a conflict, the other's object."""

    outcome: CreateOutcome
    stored: StoredObject


class ObjectStore(Protocol):
    """A place for results. Keys are `job.artifacts.keys`; every method may raise the errors named here.

    Raises
    ------
    ValueError
        The key cannot name an object, or the data is larger than `MAX_OBJECT_BYTES`.
    ConfigError
        The folder or the bucket is absent, forbidden or misconfigured.
    StorageUnavailable
        It did not answer after retries, or it is full.
    DataError
        An object is larger than the reader allows.
    """

    @property
    def location(self) -> str:
        """The save path for people: a folder, or ``s3://bucket/prefix``; never a secret."""
        ...

    def get(self, key: str, *, max_bytes: int = MAX_OBJECT_BYTES) -> StoredObject | None:
        """Read one object; None when there is none."""
        ...

    def reread(self, key: str, known: StoredObject, *, max_bytes: int = MAX_OBJECT_BYTES) -> StoredObject | None:
        """Read one object again: ``known`` itself where nothing has changed, and then nothing is transferred."""
        ...

    def put(self, key: str, data: bytes) -> str:
        """Write one object whatever is there, and return its etag."""
        ...

    def create(self, key: str, data: bytes) -> Creation:
        """Write one object only when there is none. Of many callers with different bytes one creates."""
        ...

    def replace(self, key: str, data: bytes, *, etag: str | None) -> bool:
        """Write one object only over the one that has ``etag``, or with None only when there is none.

        False says that the object is no longer what the caller read. After a lost answer that may be the
        caller's own write, so read again before deciding; `update` does.
        """
        ...

    def list(self, prefix: str) -> Iterator[ObjectInfo]:
        """All objects whose key begins with ``prefix``, sorted by key."""
        ...

    def delete(self, key: str) -> None:
        """Remove one object; an absent one is as good as removed."""
        ...


def update(store: ObjectStore, key: str, change: Callable[[bytes | None], bytes]) -> bytes:
    """Read, change and write back one object, again from the start whenever another writer came between.

    Returns the bytes that were written, or found to need no change.

    Parameters
    ----------
    change : from the present bytes (None: absent) to the new ones. It may run many times, and once more
        after a lost answer on what it had itself written, so it must say "is so", never "one more".

    Raises
    ------
    StorageUnavailable
        Others kept changing the object through every try.
    """
    for attempt in range(_NUM_UPDATE_TRIES):
        present = store.get(key)
        data = change(present.data if present else None)
        if present is not None and present.data == data:
            return data
        if store.replace(key, data, etag=present.etag if present else None):
            return data
        pause(attempt)
    raise StorageUnavailable(
        f"Others kept changing {key} in {store.location} through {_NUM_UPDATE_TRIES} tries.",
        remedy="Start the command again.",
    )


def pause(attempt: int) -> None:
    """Sleep before try ``attempt + 1``: a random part of a bound that doubles from 10 ms to one second."""
    time.sleep(random.uniform(0, min(_LONGEST_PAUSE_S, 0.01 * 2**attempt)))


def check_size(key: str, data: bytes) -> None:
    """Refuse to write what no reader would read."""
    if len(data) > MAX_OBJECT_BYTES:
        raise ValueError(f"{key} has {len(data):,} bytes and {MAX_OBJECT_BYTES:,} is the limit")


def too_large(location: str, key: str, *, size: int, max_bytes: int) -> DataError:
    """Build the error of an object that is larger than its reader allows."""
    return DataError(
        f"{key} in {location} has {size:,} bytes and {max_bytes:,} is the limit.",
        remedy="It is not one of this program's objects: restore it, or delete it and run the command again.",
    )
