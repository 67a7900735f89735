"""Arrays as ``.npz`` bytes: never pickled, and equal arrays give equal bytes.

`numpy.savez` stamps each member with the time of day, so the zip is written here with a fixed one.
"""

import io
import math
import struct
import zipfile
import zlib
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from job.errors import DataError

FIXED_TIME = (1980, 1, 1, 0, 0, 0)
MAX_ARRAY_BYTES = 1 << 28
MAX_ARRAYS = 4096
_DIRECTORY_ENTRY = b"PK\x01\x02"
_LOCAL_HEADER_BYTES = 30  # before a member's name; the last four are the lengths of that and of what follows it
_MAGIC = np.lib.format.magic(1, 0)


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
        if data.count(_DIRECTORY_ENTRY) > MAX_ARRAYS:  # counted in the bytes: reading the directory takes a second
            raise DataError(f"{where} has more than {MAX_ARRAYS} arrays.")
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            members = archive.infolist()
            if sum(member.file_size for member in members) > MAX_ARRAY_BYTES:
                raise DataError(f"{where} unpacks to more than {MAX_ARRAY_BYTES >> 20} MiB.")
            return {member.filename.removesuffix(".npy"): _array(_content(archive, data, member)) for member in members}
    except DataError:
        raise
    except Exception as error:  # unzipping and numpy's parser of headers raise what they like
        raise DataError(f"{where} is not a readable .npz file.") from error


def _content(archive: zipfile.ZipFile, data: bytes, member: zipfile.ZipInfo) -> bytearray:
    """What a member unpacks to; small arrays, as those of a window, take the library's own way three times as long."""
    if member.compress_type != zipfile.ZIP_DEFLATED:
        return bytearray(archive.read(member))
    names_at = member.header_offset + _LOCAL_HEADER_BYTES
    start = names_at + sum(struct.unpack_from("<HH", data, names_at - 4))
    packed = data[start : start + member.compress_size]
    # One byte more than is promised, so that whatever unpacks to more is found, and goes no further.
    content = bytearray(zlib.decompressobj(-zlib.MAX_WBITS).decompress(packed, member.file_size + 1))
    if len(content) != member.file_size or zlib.crc32(content) != member.CRC:
        raise ValueError("the directory promises something else")
    return content


def _array(content: bytearray) -> NDArray[Any]:
    """One array, that may be written to; refused where its header promises another size than it has."""
    if content[: len(_MAGIC)] != _MAGIC:
        raise ValueError("another version of the format")
    start = len(_MAGIC) + 2 + int.from_bytes(content[len(_MAGIC) : len(_MAGIC) + 2], "little")
    shape, is_by_column, dtype = _header(bytes(content[len(_MAGIC) : start]))
    is_plain = dtype.kind in "biufSU" and dtype.itemsize > 0
    if not is_plain or math.prod(shape) * dtype.itemsize != len(content) - start:
        raise ValueError("the header promises something else")
    array: NDArray[Any] = np.frombuffer(content, dtype=dtype, offset=start)
    return array.reshape(shape, order="F" if is_by_column else "C")


@lru_cache(maxsize=256)
def _header(length_and_header: bytes) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    """Shape, order and type; remembered, since numpy parses Python for it, and the arrays of a run are much alike."""
    return np.lib.format.read_array_header_1_0(io.BytesIO(length_and_header))
