"""Stored objects that anybody may have written: JSON, the records in it, and arrays."""

import io
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np

from job.artifacts.curves import read_curves
from job.artifacts.json_bytes import from_json_bytes
from job.artifacts.npz import arrays_to_bytes, bytes_to_arrays
from job.artifacts.stored_records import parse_record
from job.errors import DataError
from job.records import FailureRecord, PlanRecord, SummaryRecord
from tests.bad_input.registry import MEBIBYTE, BadInput


def json_object(make: Callable[[], bytes]) -> Callable[[Path], object]:
    """Bytes where a JSON object should be."""
    return lambda folder: from_json_bytes(make(), where="plan.json")


def arrays(make: Callable[[], bytes]) -> Callable[[Path], object]:
    """Bytes where arrays should be."""
    return lambda folder: bytes_to_arrays(make(), where="series.npz")


def npy(shape: str, descr: str = "<f8", body: bytes = b"") -> bytes:
    """An array file whose header says whatever it likes."""
    header = f"{{'descr': '{descr}', 'fortran_order': False, 'shape': ({shape},), }}\n".encode()
    return b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header + body


def npz(**members: bytes) -> bytes:
    """Array files in a zip."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(f"{name}.npy", data)
    return buffer.getvalue()


def pickled() -> bytes:
    """An array of objects, whose reading would run code."""
    buffer = io.BytesIO()
    np.savez(buffer, evil=np.array([print], dtype=object))
    return buffer.getvalue()


def lying_size() -> bytes:
    """A member that is larger than the directory says."""
    data = bytearray(npz(a=npy("100000", body=bytes(800_000))))
    directory = data.index(b"PK\x01\x02")
    data[directory + 24 : directory + 28] = (200).to_bytes(4, "little")
    return bytes(data)


def _json(name: str, make: Callable[[], bytes], words: str, limit_mib: int = 32) -> BadInput:
    return BadInput(
        kind="JSON object", name=name, feed=json_object(make), outcome=DataError, words=words, limit_mib=limit_mib
    )


def _record(name: str, kind: type, data: bytes) -> BadInput:
    return BadInput(
        kind="stored record",
        name=name,
        feed=lambda folder: parse_record(kind, data, where="object.json"),
        outcome=DataError,
        words=f"is no {kind.__name__} that this version knows",
    )


def _arrays(name: str, make: Callable[[], bytes], words: str = "is not a readable", limit_mib: int = 32) -> BadInput:
    return BadInput(
        kind="arrays (.npz)", name=name, feed=arrays(make), outcome=DataError, words=words, limit_mib=limit_mib
    )


INPUTS = (
    _json("empty", lambda: b"", "truncated or not JSON"),
    _json("truncated", lambda: b'{"a": 1', "truncated or not JSON"),
    _json("a page of a proxy", lambda: b"<html>", "truncated or not JSON"),
    _json("a list", lambda: b"[1]", "not a JSON object"),
    _json("UTF-16", lambda: '{"a": 1}'.encode("utf-16"), "truncated or not JSON"),
    _json("byte order mark", lambda: b'\xef\xbb\xbf{"a": 1}', "truncated or not JSON"),
    _json("NaN", lambda: b'{"a": NaN}', "truncated or not JSON"),
    _json("a float beyond all", lambda: b'{"a": 1e999}', "truncated or not JSON"),
    _json("a number of 5,000 digits", lambda: b'{"a": ' + b"9" * 5000 + b"}", "truncated or not JSON"),
    _json("nested 65 deep", lambda: b'{"a":' + b"[" * 65 + b"]" * 65 + b"}", "nested deeper than 64"),
    _json("nested 100,000 deep", lambda: b'{"a":' + b"[" * 100_000, "JSON"),
    _json("51 megabytes", lambda: bytes(51_000_000), "is the limit", 64),
    _json(
        "five million values in ten megabytes", lambda: b'{"a":[' + b"1," * 5_000_000 + b"1]}", "more than 4,000,000"
    ),
    _record("a plan that is another record", PlanRecord, b'{"schema_version": 1, "index": 3}'),
    _record("a newer schema", FailureRecord, b'{"schema_version": 99, "index": 3, "exit_code": 65, "message": "m"}'),
    _record("text for a number", FailureRecord, b'{"index": "three", "exit_code": 65, "message": "m", "remedy": ""}'),
    _record("a summary with nothing in it", SummaryRecord, b"{}"),
    _arrays("empty", lambda: b""),
    _arrays("no zip", lambda: b"not an archive"),
    _arrays("pickled objects", pickled),
    _arrays("a pickle behind another name", lambda: npz(a=b"\x80\x04K\x01.")),
    _arrays("a header that promises 32 GB", lambda: npz(a=npy("4000000000"))),
    _arrays("a header of 9,000 digits", lambda: npz(a=npy("9" * 9_000))),
    _arrays("a negative length", lambda: npz(a=npy("-1", body=bytes(8)))),
    _arrays("a header cut short", lambda: npz(a=npy("1")[:20])),
    _arrays("a member larger than it says", lying_size),
    _arrays("a bomb of 270 MB in 270 kB", lambda: npz(**dict.fromkeys("abc", bytes(90 * MEBIBYTE))), "unpacks", 192),
    _arrays("five thousand members", lambda: b"PK\x01\x02" * 5_000, "more than 4096 arrays"),
    BadInput(
        kind="arrays (.npz)",
        name="curves without their names",
        feed=lambda folder: read_curves(arrays_to_bytes({"a": np.zeros(1)}), where="curves.npz"),
        outcome=DataError,
        words="has no array",
    ),
)
