"""Ask a store, by trying, whether it keeps the promises that the runs rest on.

A store that ignores a condition answers "done" and overwrites: two pods would each believe in their own plan.
"""

import secrets
from collections.abc import Iterator
from contextlib import suppress

from job.artifacts.keys import PROBE_PREFIX
from job.artifacts.store import STORES_THAT_WORK, CreateOutcome, ObjectStore
from job.errors import ConfigError, JobError


def probe_store(store: ObjectStore) -> None:
    """Write, read, race and delete one small object under a random key.

    Raises
    ------
    ConfigError
        The store breaks a promise, is absent or is forbidden.
    StorageUnavailable
        It did not answer.
    """
    key = f"{PROBE_PREFIX}{secrets.token_hex(16)}"
    try:
        broken = next(_broken_promises(store, key), None)
    finally:
        # Keys without the right to delete are fine for everything else: the few bytes may stay.
        with suppress(JobError):
            store.delete(key)
    if broken is not None:
        raise ConfigError(
            f"The store {store.location} does not honour conditional writes: {broken}.",
            remedy=f"Use a store that does: {STORES_THAT_WORK}. Google Cloud Storage ignores these conditions.",
        )


def _broken_promises(store: ObjectStore, key: str) -> Iterator[str]:
    """Each promise that does not hold, in the order in which they are tried."""
    first = store.create(key, b"first")
    if first.outcome is not CreateOutcome.CREATED:
        yield "a first create found its fresh key taken"
    second = store.create(key, b"second")
    if second.outcome is not CreateOutcome.CONFLICT or second.stored.data != b"first":
        yield "a second create replaced the first"
    if store.replace(key, b"absent", etag=None):
        yield "a write for an absent key replaced an object"
    if not store.replace(key, b"third", etag=first.stored.etag):
        yield "a write over the object that was read was refused"
    if store.replace(key, b"stale", etag=first.stored.etag):
        yield "a write over an older version went through"
    present = store.get(key)
    if present is None or present.data != b"third":
        yield "a read does not return the last write"
