"""A result that several pods may come to, each by itself: one whole one stands, whoever wrote it.

Equal work gives equal bytes, except on another CPU type or a GPU. So a result that stands is never written over,
and one that is torn (an object lost, or overwritten by a slower pod) is written again as a whole.
"""

from collections.abc import Mapping

from job.artifacts.manifest import read_manifest, verify, write_with_manifest
from job.artifacts.store import ObjectStore


def stands(store: ObjectStore, manifest_key: str, *, root: str) -> bool:
    """Whether the manifest is there, and every object is as it says."""
    manifest = read_manifest(store, manifest_key)
    return manifest is not None and not verify(store, manifest, root=root)


def write_once(store: ObjectStore, manifest_key: str, objects: Mapping[str, bytes], *, root: str) -> bool:
    """Write a result unless a whole one stands; return whether this one was written.

    Parameters
    ----------
    objects, root : see `write_with_manifest`.
    """
    while True:
        present = store.get(manifest_key)
        if present is not None and stands(store, manifest_key, root=root):
            return False
        replacing = None if present is None else present.etag
        if write_with_manifest(store, manifest_key, objects, root=root, extra={}, replacing=replacing) is not None:
            return True
        # Another pod's manifest came first, and by now some of these bytes lie under it: look, and mend.
