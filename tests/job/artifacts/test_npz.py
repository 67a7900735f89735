import io
import time
import zipfile
from collections.abc import Callable

import numpy as np
import pytest

from job.artifacts import npz
from job.artifacts.npz import arrays_to_bytes, bytes_to_arrays
from job.errors import DataError

ARRAYS = {
    "open_time": np.arange(500, dtype=np.int64) * 900_000,
    "up": np.where(np.arange(500) % 7 == 0, np.nan, np.arange(500) % 2),
    "position": (np.arange(500) % 3 - 1).astype(np.int8),
}


def test_npz_comes_back_as_it_was() -> None:
    """Names, types, shapes and bits survive, NaN and empty arrays included; numpy itself can read it."""
    arrays = ARRAYS | {"none": np.empty((0, 4), np.float32)}
    data = arrays_to_bytes(arrays)
    for found in (bytes_to_arrays(data, where="memory"), dict(np.load(io.BytesIO(data)))):
        assert {name: (value.dtype, value.shape, value.tobytes()) for name, value in found.items()} == {
            name: (value.dtype, value.shape, value.tobytes()) for name, value in arrays.items()
        }


def test_npz_bytes_depend_on_the_arrays_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither the clock nor the order of the names nor the memory layout is in the bytes."""
    data = arrays_to_bytes(ARRAYS)
    monkeypatch.setattr(time, "time", lambda: 2_000_000_000.0)
    monkeypatch.setattr(time, "localtime", lambda *_: time.gmtime(2_000_000_000))
    assert arrays_to_bytes(dict(reversed(ARRAYS.items()))) == data
    assert arrays_to_bytes(ARRAYS | {"up": np.repeat(ARRAYS["up"], 2)[::2]}) == data
    assert arrays_to_bytes(ARRAYS | {"up": ARRAYS["up"] + 1}) != data


def test_npz_reader_survives_whatever_it_is_given() -> None:
    """Cut, flipped and foreign bytes are arrays or one sentence, never another error."""
    data = arrays_to_bytes(ARRAYS)
    damaged = [data[:length] for length in range(0, len(data), 97)]
    generator = np.random.default_rng(0)
    for _ in range(300):
        flipped = bytearray(data)
        flipped[generator.integers(len(data))] ^= 1 << generator.integers(8)
        damaged.append(bytes(flipped))
    num_refused = 0
    for each in [b"", b"PK\x03\x04", b"not an archive", *damaged]:
        try:
            bytes_to_arrays(each, where="runs/a/windows/3/series.npz")
        except DataError as error:
            num_refused += 1
            assert error.message.startswith("runs/a/windows/3/series.npz is not a readable")
    assert num_refused > len(damaged) // 2


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_npz_reader_reads_what_numpy_writes(save: Callable[..., None]) -> None:
    """Compressed or not, with whatever numpy puts between a member's name and its bytes."""
    buffer = io.BytesIO()
    save(buffer, **ARRAYS)
    found = bytes_to_arrays(buffer.getvalue(), where="memory")
    assert {name: value.tobytes() for name, value in found.items()} == {
        name: value.tobytes() for name, value in ARRAYS.items()
    }


@pytest.mark.parametrize(("field", "change"), [(16, 1), (20, -5), (24, -8), (24, 8), (24, -4128), (42, 1)])
def test_npz_reader_holds_a_member_to_its_directory(field: int, change: int) -> None:
    """Another checksum, compressed size, size (less, more, none) or place than the bytes have is refused."""
    data = bytearray(arrays_to_bytes({"up": np.zeros(500)}))
    at = data.index(b"PK\x01\x02") + field
    told = int.from_bytes(data[at : at + 4], "little")
    data[at : at + 4] = (told + change).to_bytes(4, "little")
    with pytest.raises(DataError, match="not a readable"):
        bytes_to_arrays(bytes(data), where="memory")


def test_npz_reader_never_unpickles() -> None:
    """An array of objects, whose reading would run code, is refused."""
    buffer = io.BytesIO()
    np.savez(buffer, evil=np.array([print], dtype=object))
    with pytest.raises(DataError, match="not a readable"):
        bytes_to_arrays(buffer.getvalue(), where="memory")


def test_npz_reader_refuses_what_unpacks_to_too_much(monkeypatch: pytest.MonkeyPatch) -> None:
    """The size is read from the directory, before anything is unpacked; a header that lies is refused too."""
    monkeypatch.setattr(npz, "MAX_ARRAY_BYTES", 1 << 20)
    with pytest.raises(DataError, match="unpacks to more than 1 MiB"):
        bytes_to_arrays(arrays_to_bytes({"zeros": np.zeros(1 << 20)}), where="memory")
    header = b"{'descr': '<f8', 'fortran_order': False, 'shape': (1000000000000,), }"
    lying = b"\x93NUMPY\x01\x00" + (len(header) + 1).to_bytes(2, "little") + header + b"\n"
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("lying.npy", lying)
    with pytest.raises(DataError, match="not a readable"):
        bytes_to_arrays(buffer.getvalue(), where="memory")
