"""Postgres' COPY BINARY ⇄ numpy: rows of fixed width, read and written whole through structured dtypes.

A row is a 16-bit column count, then for each column its 32-bit size and its bytes, all big-endian. When no
column can be NULL and every array has one length, all rows have the same layout, which a numpy dtype can state:
encoding and decoding are then a few array assignments, whatever the number of rows. Knows no table.

References
----------
PostgreSQL documentation, COPY, "Binary Format"; ``array_send`` in its ``arrayfuncs.c`` for the array header.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from psycopg import sql

from job.data.postgres import Connection
from job.errors import DataError

TIMESTAMPTZ = np.dtype(">i8")
FLOAT8 = np.dtype(">f8")

_HEADER = b"PGCOPY\n\xff\r\n\x00" + bytes(8)  # signature, no flags, no extension
_TRAILER = b"\xff\xff"
_FLOAT4_OID = 700
_ARRAY_HEADER = ("dimensions", "has_nulls", "element_oid", "length", "lower_bound")


@dataclass(frozen=True, kw_only=True)
class Column:
    """One column of a COPY: its name and the numpy form of its bytes.

    Parameters
    ----------
    payload : numpy dtype
        `TIMESTAMPTZ`, `FLOAT8` or `float4_array`.
    """

    name: str
    payload: np.dtype[Any]

    @property
    def is_array(self) -> bool:
        """Whether the column holds a ``real[]``."""
        return self.payload.names is not None


def float4_array(length: int) -> np.dtype[Any]:
    """The bytes of a one-dimensional ``real[]`` of ``length`` elements, none of them NULL."""
    header = [(field, ">i4") for field in _ARRAY_HEADER]
    return np.dtype([*header, ("elements", [("size", ">i4"), ("value", ">f4")], (length,))])


def encode_rows(columns: tuple[Column, ...], data: Mapping[str, NDArray[Any]]) -> bytes:
    """A complete COPY BINARY stream.

    Parameters
    ----------
    columns : the columns in the order of the COPY.
    data : by column name; (n,) for scalars, (n, length) for arrays. Bits are kept, of NaNs too.
    """
    num_rows = len(data[columns[0].name])
    rows = np.empty(num_rows, dtype=_row_dtype(columns))
    for field, expected in _frame(columns):
        _field(rows, field)[...] = expected
    for column in columns:
        _values(rows, column)[...] = data[column.name]
    return _HEADER + rows.tobytes() + _TRAILER


def decode_rows(columns: tuple[Column, ...], stream: bytes) -> dict[str, NDArray[Any]]:
    """The columns of a COPY BINARY stream, by name, in native byte order.

    Raises
    ------
    DataError
        When a row holds a NULL, or a column of another width or type than ``columns`` says.
    """
    if not (stream.startswith(_HEADER) and stream.endswith(_TRAILER)):
        raise DataError("The database sent a COPY stream that is cut off or of an unknown format.")
    dtype = _row_dtype(columns)
    num_rows, rest = divmod(len(stream) - len(_HEADER) - len(_TRAILER), dtype.itemsize)
    rows = np.frombuffer(stream, dtype=dtype, count=num_rows, offset=len(_HEADER))
    if rest or any(np.any(_field(rows, field) != expected) for field, expected in _frame(columns)):
        names = ", ".join(column.name for column in columns)
        raise DataError(f"The database holds rows with a NULL or an unexpected width among the columns {names}.")
    return {
        column.name: _values(rows, column).astype(_values(rows, column).dtype.newbyteorder("=")) for column in columns
    }


def copy_out(connection: Connection, query: sql.Composed, columns: tuple[Column, ...]) -> dict[str, NDArray[Any]]:
    """Run ``query`` and return its columns; see `decode_rows`."""
    statement = sql.SQL("COPY ({}) TO STDOUT (FORMAT BINARY)").format(query)
    with connection.cursor() as cursor, cursor.copy(statement) as copy:
        stream = b"".join(copy)
    return decode_rows(columns, stream)


def copy_in(connection: Connection, table: str, columns: tuple[Column, ...], data: Mapping[str, NDArray[Any]]) -> None:
    """Append ``data`` to ``table``; see `encode_rows`."""
    names = sql.SQL(", ").join(sql.Identifier(column.name) for column in columns)
    statement = sql.SQL("COPY {} ({}) FROM STDIN (FORMAT BINARY)").format(sql.Identifier(table), names)
    with connection.cursor() as cursor, cursor.copy(statement) as copy:
        copy.write(encode_rows(columns, data))


def _row_dtype(columns: tuple[Column, ...]) -> np.dtype[Any]:
    fields: list[tuple[str, Any]] = [("column count", ">i2")]
    for column in columns:
        fields += [(f"{column.name} size", ">i4"), (column.name, column.payload)]
    return np.dtype(fields)


def _frame(columns: tuple[Column, ...]) -> list[tuple[tuple[str, ...], int]]:
    """Path and value of every field that is equal in all rows: what is written, and checked on reading."""
    frame: list[tuple[tuple[str, ...], int]] = [(("column count",), len(columns))]
    for column in columns:
        frame.append(((f"{column.name} size",), column.payload.itemsize))
        if column.is_array:
            (length,) = column.payload["elements"].shape
            header = (1, 0, _FLOAT4_OID, length, 1)
            frame += [((column.name, field), value) for field, value in zip(_ARRAY_HEADER, header, strict=True)]
            frame.append(((column.name, "elements", "size"), 4))
    return frame


def _field(rows: NDArray[Any], path: tuple[str, ...]) -> NDArray[Any]:
    for name in path:
        rows = rows[name]
    return rows


def _values(rows: NDArray[Any], column: Column) -> NDArray[Any]:
    return _field(rows, (column.name, "elements", "value") if column.is_array else (column.name,))
