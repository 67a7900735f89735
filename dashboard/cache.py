"""What was read and parsed, kept by key and entity tag up to a number of bytes; the least recently used goes first."""

import threading
from collections import OrderedDict
from dataclasses import dataclass
from typing import Any

from job.artifacts.store import StoredObject

# A parsed record takes several times the bytes of its JSON: measured 4 to 6 with the records of a run.
PARSED_FACTOR = 6


@dataclass(frozen=True, kw_only=True)
class Kept:
    """One parsed object.

    Parameters
    ----------
    known : the object without its bytes, for a conditional read.
    size : of the stored object, in bytes.
    read_at_ms : when the store last said that this is the present content.
    """

    value: Any
    known: StoredObject
    size: int
    read_at_ms: int


class ByteCache:
    """Parsed objects by key, shared by threads."""

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._kept: OrderedDict[str, Kept] = OrderedDict()
        self._lock = threading.Lock()
        self._num_bytes = 0

    @property
    def num_bytes(self) -> int:
        """What is kept, as estimated."""
        return self._num_bytes

    @property
    def num_objects(self) -> int:
        """How many objects are kept."""
        return len(self._kept)

    def get(self, key: str) -> Kept | None:
        """The object, now the most recently used."""
        with self._lock:
            kept = self._kept.get(key)
            if kept is not None:
                self._kept.move_to_end(key)
            return kept

    def put(self, key: str, kept: Kept) -> None:
        """Keep an object, and let go of others; one that is larger than everything is not kept at all."""
        with self._lock:
            self._drop(key)
            if _cost(kept) > self._max_bytes:
                return
            self._kept[key] = kept
            self._num_bytes += _cost(kept)
            while self._num_bytes > self._max_bytes:
                self._drop(next(iter(self._kept)))

    def drop(self, key: str) -> None:
        """Forget an object."""
        with self._lock:
            self._drop(key)

    def _drop(self, key: str) -> None:
        kept = self._kept.pop(key, None)
        if kept is not None:
            self._num_bytes -= _cost(kept)


def _cost(kept: Kept) -> int:
    return kept.size * PARSED_FACTOR + 1_000
