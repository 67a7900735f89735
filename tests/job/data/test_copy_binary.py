from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray
from psycopg import sql

from job.data.copy_binary import (
    FLOAT8,
    TIMESTAMPTZ,
    Column,
    copy_in,
    copy_out,
    decode_rows,
    encode_rows,
    float4_array,
)
from job.data.postgres import connect
from job.errors import DataError

COLUMNS = (
    Column(name="moment", payload=TIMESTAMPTZ),
    Column(name="price", payload=FLOAT8),
    Column(name="vector", payload=float4_array(3)),
)
EXTREMES = [0.0, -0.0, np.finfo("f4").tiny, np.finfo("f4").smallest_subnormal, np.finfo("f4").max, -np.inf, np.nan]


def bits(values: NDArray[Any]) -> list[int]:
    """Floats as their bit patterns, so that -0.0 and NaN compare."""
    return values.ravel().view(f"i{values.itemsize}").tolist()


def sample_rows() -> dict[str, NDArray[Any]]:
    """A row for each extreme float."""
    wide = np.array([*EXTREMES, np.finfo("f8").max, np.finfo("f8").smallest_subnormal])
    narrow = np.array([EXTREMES, EXTREMES[::-1], EXTREMES], dtype=np.float32).T
    return {"moment": np.arange(7) * 1000, "price": wide[-7:], "vector": narrow}


def test_encode_rows_knows_the_documented_bytes() -> None:
    """One row of one float is the header, a count of 1, a size of 8, the big-endian double and the trailer."""
    stream = encode_rows((Column(name="price", payload=FLOAT8),), {"price": np.array([1.0])})
    row = b"\x00\x01" + b"\x00\x00\x00\x08" + b"\x3f\xf0" + bytes(6)
    assert stream == b"PGCOPY\n\xff\r\n\0" + bytes(8) + row + b"\xff\xff"


@settings(max_examples=50, deadline=None)
@given(hnp.arrays(np.float32, st.tuples(st.integers(0, 5), st.just(3)), elements=st.floats(width=32)))
def test_decode_rows_inverts_encode_rows(vector: NDArray[np.float32]) -> None:
    """Every float comes back with its bits, none of them in a foreign byte order."""
    data = {"moment": np.arange(len(vector)), "price": vector[:, 0].astype(float), "vector": vector}
    decoded = decode_rows(COLUMNS, encode_rows(COLUMNS, data))
    assert bits(decoded["vector"]) == bits(vector)
    assert bits(decoded["price"]) == bits(data["price"])
    assert all(column.dtype.isnative for column in decoded.values())


def test_copy_through_postgres_keeps_every_bit(empty_database: str) -> None:
    """Subnormal, huge, infinite, NaN and negative-zero values survive a real server."""
    data = sample_rows()
    with connect(empty_database) as connection:
        connection.execute("CREATE TABLE sample (moment timestamptz, price float8, vector real[])")
        copy_in(connection, "sample", COLUMNS, data)
        query = sql.SQL("SELECT moment, price, vector FROM sample ORDER BY moment").format()
        read = copy_out(connection, query, COLUMNS)
        seen = connection.execute("SELECT vector[2] FROM sample WHERE moment = '2000-01-01 00:00:00.004Z'").fetchone()
    assert {name: bits(values) for name, values in read.items()} == {
        name: bits(values) for name, values in data.items()
    }
    assert seen == (np.float32(np.finfo("f4").tiny),)


@pytest.mark.parametrize(
    "row",
    [
        "NULL, 1, '{1,2,3}'",
        "'2000-01-01', NULL, '{1,2,3}'",
        "'2000-01-01', 1, NULL",
        "'2000-01-01', 1, '{1,2,3,4}'",
        "'2000-01-01', 1, '{}'",
        "'2000-01-01', 1, '{1,NULL,3}'",
        "'2000-01-01', 1, '[0:2]={1,2,3}'",
        "'2000-01-01', 1, '{{1,2,3}}'",
    ],
)
def test_copy_out_refuses_rows_of_another_shape(empty_database: str, row: str) -> None:
    """A NULL, another length or another kind of array is never read as numbers, even among good rows."""
    good = "'2000-01-01'::timestamptz, 1::float8, '{1,2,3}'::real[]"
    query = sql.Composed([sql.SQL("VALUES ("), sql.SQL(good), sql.SQL("), ("), sql.SQL(row), sql.SQL(")")])
    with connect(empty_database) as connection, pytest.raises(DataError, match="moment, price, vector"):
        copy_out(connection, query, COLUMNS)


def test_copy_out_refuses_another_type_of_equal_width(empty_database: str) -> None:
    """An integer[] has the bytes of a real[] except for its element type."""
    query = sql.Composed([sql.SQL("SELECT '{1,2,3}'::integer[]")])
    with connect(empty_database) as connection, pytest.raises(DataError, match="vector"):
        copy_out(connection, query, COLUMNS[2:])


def test_decode_rows_refuses_a_stream_that_was_cut_off() -> None:
    """Half a stream is an error, not fewer rows."""
    stream = encode_rows(COLUMNS, sample_rows())
    with pytest.raises(DataError, match="cut off"):
        decode_rows(COLUMNS, stream[: len(stream) // 2])
