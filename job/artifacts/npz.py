"""Arrays as ``.npz`` bytes: never pickled, and equal arrays give equal bytes.

`numpy.savez` stamps each member with the time of day, so the zip is written here with a fixed one.
"""

import io
import zipfile
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from job.errors import DataError

FIXED_TIME = (1980, 1, 1, 0, 0, 0)
MAX_ARRAY_BYTES = 1 << 28


def arrays_to_bytes(arrays: Mapping[str, NDArray[Any]]) -> bytes:
    """One compressed ``.npz``, members in the order of the names."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in sorted(arrays):
            member = io.BytesIO()
            np.lib.format.write_array(member, np.ascontiguousarray(arrays[name]), allow_pickle=False)
            archive.writestr(zipfile.ZipInfo(f"{name}.npy", FIXED_TIME), member.getvalue(), zipfile.ZIP_DEFLATED)
    return buffer.getvalue()


def bytes_to_arrays(data: bytes, *, where: str) -> dict[str, NDArray[Any]]:
    """Read an ``.npz`` back; `DataError` for anything that is not one, or is larger than it should be."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            if sum(member.file_size for member in archive.infolist()) > MAX_ARRAY_BYTES:
                raise DataError(f"{where} unpacks to more than {MAX_ARRAY_BYTES >> 20} MiB.")
        with np.load(io.BytesIO(data), allow_pickle=False) as loaded:
            return {name: loaded[name] for name in loaded.files}
    except DataError:
        raise
    except Exception as error:  # unzipping and numpy's parser of headers raise what they like
        raise DataError(f"{where} is not a readable .npz file.") from error
