"""Whether the store can be written: found out by trying, with one small object under a random key."""

import secrets
from contextlib import suppress

from job.artifacts.keys import PROBE_PREFIX
from job.artifacts.store import ObjectStore
from job.errors import ConfigError, JobError, StorageForbidden


def check_readonly(store: ObjectStore) -> None:
    """Try to write, and be content when that is forbidden.

    Raises
    ------
    ConfigError
        Where it can be written.
    StorageUnavailable
        Where it did not answer, so that nothing is known.
    """
    key = f"{PROBE_PREFIX}{secrets.token_hex(16)}"
    try:
        store.put(key, b"may this be written?")
    except StorageForbidden:
        return
    with suppress(JobError):
        store.delete(key)
    raise ConfigError(
        f"The store {store.location} can be written, which --require-readonly forbids.",
        remedy="Give the dashboard keys with s3:GetObject and s3:ListBucket alone, or a folder mounted read-only.",
    )
