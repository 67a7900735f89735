"""Objects of the store, read once where they can never change, and conditionally where they may."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from dashboard.cache import ByteCache, Kept
from dashboard.reading import Reading
from dashboard.telemetry import timed_read
from job.artifacts.json_bytes import MAX_JSON_BYTES
from job.artifacts.keys import RunKeys
from job.artifacts.manifest import Manifest
from job.artifacts.store import ObjectStore, StoredObject
from job.errors import DataError, TransientError

MAX_BYTES = MAX_JSON_BYTES
# Names of absent objects that are remembered: no more than anybody looks at while a store is away.
MAX_ABSENT = 10_000

T = TypeVar("T")


@dataclass(kw_only=True)
class ReadCounts:
    """Reads that memory could answer, and those for which an object was fetched; a guide, not an account."""

    num_known: int = 0
    num_fetched: int = 0


class StoredObjects:
    """Parsed objects by key.

    Parameters
    ----------
    store : the save path.
    max_bytes : of parsed objects to keep.
    clock : the wall clock, UTC milliseconds.
    """

    def __init__(self, store: ObjectStore, *, max_bytes: int, clock: Callable[[], int]) -> None:
        self._store = store
        self._clock = clock
        self.cache = ByteCache(max_bytes)
        self.counts = ReadCounts()
        self._absent: set[str] = set()

    def known(self, key: str) -> Reading[Any] | None:
        """What memory has of an object, whatever the store has by now."""
        kept = self.cache.get(key)
        return None if kept is None else _reading(key, kept)

    def read(self, key: str, parse: Callable[[bytes], T], *, is_beside: bool = False) -> Reading[T] | None:
        """An object that may change; what is known stands in, marked stale, while the store is away.

        Parameters
        ----------
        is_beside : it stands beside a result that is shown without it: where the store had none when it was last
            asked, there is none while it is away either.
        """
        kept = self.cache.get(key)
        try:
            with timed_read("get"):
                stored = (
                    self._store.get(key, max_bytes=MAX_BYTES)
                    if kept is None
                    else self._store.reread(key, kept.known, max_bytes=MAX_BYTES)
                )
        except TransientError as error:
            if kept is None:
                if is_beside and key in self._absent:
                    return None
                raise
            return _reading(key, kept, stale_reason=error.message)
        if stored is None:
            self.cache.drop(key)
            if is_beside and len(self._absent) < MAX_ABSENT:
                self._absent.add(key)
            return None
        self._absent.discard(key)
        if kept is not None and stored is kept.known:
            kept = replace(kept, read_at_ms=self._clock())
            self.counts.num_known += 1
        else:
            kept = self._kept(stored, parse(stored.data))
        self.cache.put(key, kept)
        return _reading(key, kept)

    def named(self, manifest: Manifest, keys: RunKeys, key: str, parse: Callable[[bytes], T]) -> T:
        """An object as the manifest names it, which can never change: asked for once."""
        entry = next((each for each in manifest.objects if keys.root + each.key == key), None)
        if entry is None:
            raise DataError(
                f"{key} is not among the run's results: an older version wrote them.",
                remedy=f"Make them anew: lorentzian finalize --run-id {keys.run_id}",
            )
        cache_key = f"{key}#{entry.sha256}"
        kept = self.cache.get(cache_key)
        if kept is not None:
            self.counts.num_known += 1
        else:
            with timed_read("get"):
                stored = self._store.get(key, max_bytes=MAX_BYTES)
            if stored is None or hashlib.sha256(stored.data).hexdigest() != entry.sha256:
                raise DataError(
                    f"{key} is not what its manifest says.",
                    remedy="Run the same command again: it mends what is damaged.",
                )
            kept = self._kept(stored, parse(stored.data))
            self.cache.put(cache_key, kept)
        value: T = kept.value
        return value

    def _kept(self, stored: StoredObject, value: object) -> Kept:
        self.counts.num_fetched += 1
        known = StoredObject(data=b"", etag=stored.etag)
        return Kept(value=value, known=known, size=len(stored.data), read_at_ms=self._clock())


def _reading(key: str, kept: Kept, *, stale_reason: str = "") -> Reading[Any]:
    return Reading(
        value=kept.value, key=key, etag=kept.known.etag, read_at_ms=kept.read_at_ms, stale_reason=stale_reason
    )
