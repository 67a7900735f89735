"""A finished window in one object, so that a finalizer of hundreds asks once for each: the manifest and what it names.

It is a copy, made when the manifest stands and outside of it. It is believed by the manifest that it carries.
"""

import hashlib
from dataclasses import dataclass

import numpy as np

from job.artifacts.keys import RunKeys
from job.artifacts.manifest import Manifest, parse_manifest
from job.artifacts.npz import arrays_to_bytes, bytes_to_arrays
from job.errors import DataError


@dataclass(frozen=True, kw_only=True)
class WindowPack:
    """The stored bytes of a window's manifest, of two of the objects that it names, and of what is told beside them.

    ``execution`` is how the window ran; ``reading`` what the ledger holds of its test's result, by the model that the
    manifest names.
    """

    manifest: bytes
    metrics: bytes
    series: bytes
    execution: bytes
    reading: bytes


def packed(pack: WindowPack) -> bytes:
    """The stored form."""
    return arrays_to_bytes({name: np.frombuffer(data, dtype=np.uint8) for name, data in vars(pack).items()})


def unpacked(data: bytes, keys: RunKeys, index: int, *, where: str) -> tuple[WindowPack, Manifest]:
    """The parts and the manifest; `DataError` where it is no pack, or holds other bytes than its manifest names."""
    arrays = bytes_to_arrays(data, where=where)
    try:
        pack = WindowPack(**{name: array.tobytes() for name, array in arrays.items()})
    except TypeError as error:
        raise DataError(f"{where} is no finished window.") from error
    manifest = parse_manifest(pack.manifest, where=where)
    digests = {keys.root + entry.key: entry.sha256 for entry in manifest.objects}
    for key, content in ((keys.window_metrics(index), pack.metrics), (keys.series(index), pack.series)):
        if digests.get(key) != hashlib.sha256(content).hexdigest():
            raise DataError(f"{where} holds another {key} than its manifest names.")
    return pack, manifest
