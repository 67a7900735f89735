"""The last object of every window and run: what belongs to it, and the digest of each.

An object is believed only when a manifest names it. No time, host or run id stands in one, so that equal
results have equal manifests.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue, ValidationError

from job import interruption
from job.artifacts.json_bytes import MAX_JSON_BYTES, from_json_bytes, to_json_bytes
from job.artifacts.keys import check_key
from job.artifacts.store import ObjectStore
from job.errors import DataError

MANIFEST_SCHEMA_VERSION: Final = 1


class ManifestEntry(BaseModel):
    """One object: ``key`` relative to the run's root, ``size`` in bytes, SHA-256 in hex."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    key: str
    size: Annotated[int, Field(ge=0)]
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class Manifest(BaseModel):
    """The objects, sorted by key, and what the writer adds about them."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    schema_version: Literal[1]
    objects: Annotated[tuple[ManifestEntry, ...], Field(strict=False)]
    extra: dict[str, JsonValue]


@dataclass(frozen=True, kw_only=True)
class ManifestFault:
    """An object that is not what its manifest says."""

    key: str
    reason: str


def write_with_manifest(
    store: ObjectStore,
    manifest_key: str,
    objects: Mapping[str, bytes],
    *,
    root: str,
    extra: Mapping[str, JsonValue],
    replacing: str | None = None,
) -> Manifest | None:
    """Write all objects, then the manifest; killed in between, the manifest's absence says so.

    The objects overwrite what is there; the manifest is compared and swapped. So of two writers with
    different results one is told that it lost, and a mixture of both is found by `verify`.

    Parameters
    ----------
    objects : bytes by full key; every key lies under ``root``.
    root : the run's prefix, `RunKeys.root`; manifests name objects relative to it.
    extra : what else the manifest says; equal for equal results.
    replacing : etag of the manifest that this one supersedes; None when there must be none.

    Returns
    -------
    The manifest, also when another writer had written the same one; None when it wrote a different one.

    Raises
    ------
    Interrupted
        Between two objects, where somebody has asked this process to stop.
    """
    if any(not key.startswith(root) for key in (manifest_key, *objects)):
        raise ValueError(f"an object of {manifest_key} lies outside {root}")
    entries = tuple(_entry(key.removeprefix(root), data) for key, data in sorted(objects.items()))
    manifest = Manifest(schema_version=MANIFEST_SCHEMA_VERSION, objects=entries, extra=dict(extra))
    data = to_json_bytes(manifest.model_dump(mode="json"))
    for key, content in sorted(objects.items()):
        interruption.check()  # without the manifest nobody believes what was written, and it is written again
        store.put(key, content)
    if store.replace(manifest_key, data, etag=replacing):
        return manifest
    present = store.get(manifest_key)
    return manifest if present is not None and present.data == data else None


def read_manifest(store: ObjectStore, key: str) -> Manifest | None:
    """Read a manifest; None when there is none, so nothing beside it may be believed.

    Raises
    ------
    DataError
        It is damaged, foreign, or of a newer version of this program.
    """
    stored = store.get(key, max_bytes=MAX_JSON_BYTES)
    return None if stored is None else parse_manifest(stored.data, where=f"{key} in {store.location}")


def parse_manifest(data: bytes, *, where: str) -> Manifest:
    """A manifest from its bytes; `DataError` for anything else."""
    value = from_json_bytes(data, where=where)
    version = value.get("schema_version")
    if isinstance(version, int) and version > MANIFEST_SCHEMA_VERSION:
        raise DataError(
            f"{where} has schema version {version}, and this program knows up to {MANIFEST_SCHEMA_VERSION}.",
            remedy="Use the newer version of lorentzian-trainer that wrote it.",
        )
    try:
        manifest = Manifest.model_validate(value)
        for entry in manifest.objects:
            check_key(entry.key)
    except (ValidationError, ValueError) as error:
        raise DataError(
            f"{where} is not a manifest.",
            remedy="Restore that object or delete it and run the command again.",
        ) from error
    return manifest


def verify(store: ObjectStore, manifest: Manifest, *, root: str) -> list[ManifestFault]:
    """Read every object of ``manifest`` and compare; an empty list says that all are whole."""
    faults = [
        ManifestFault(key=entry.key, reason=reason)
        for entry in manifest.objects
        if (reason := _fault(store, entry, root)) is not None
    ]
    return faults


def read_named(store: ObjectStore, manifest: Manifest, key: str, *, root: str) -> bytes | None:
    """The bytes under ``key`` if they are those that the manifest names; None where it or they do not match.

    Parameters
    ----------
    key : in full, with ``root``.
    """
    entry = next((each for each in manifest.objects if root + each.key == key), None)
    stored = store.get(key)
    if entry is None or stored is None or hashlib.sha256(stored.data).hexdigest() != entry.sha256:
        return None
    return stored.data


def _entry(key: str, data: bytes) -> ManifestEntry:
    return ManifestEntry(key=key, size=len(data), sha256=hashlib.sha256(data).hexdigest())


def _fault(store: ObjectStore, entry: ManifestEntry, root: str) -> str | None:
    """Why one object is not what its entry says, or None."""
    stored = store.get(root + entry.key)
    if stored is None:
        return "absent"
    if len(stored.data) != entry.size:
        return f"{len(stored.data)} bytes instead of {entry.size}"
    if hashlib.sha256(stored.data).hexdigest() != entry.sha256:
        return "another content than the manifest's"
    return None
