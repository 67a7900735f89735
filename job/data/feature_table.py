"""The tables ``features`` and ``feature_sets``: whole matrices in and out of numpy, never rewritten.

A set's identity holds a hash of its definition, so its names are settled once and for all, and a row that is stored
stays as it is: what a model has seen can be read again.
"""

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from psycopg import sql

from job.data.copy_binary import TIMESTAMPTZ, Column, copy_in, copy_out, float4_array
from job.data.feature_rows import FeatureRows, FeatureSetRecord
from job.data.klines import MarketKey
from job.data.postgres import Connection, translate_errors
from job.data.timestamps import decode_times, encode_times, to_milliseconds, to_timestamp
from job.errors import DataError, NoDataError
from job.intervals import interval_ms

_OPEN_TIME: Final = Column(name="open_time", payload=TIMESTAMPTZ)
_AVAILABLE_AT: Final = Column(name="available_at", payload=TIMESTAMPTZ)

_REGISTER = """
    INSERT INTO feature_sets (identity, names, lookback_ms) VALUES (%s, %s, %s)
    ON CONFLICT (identity) DO NOTHING"""
_STAGE = """
    CREATE TEMPORARY TABLE staged_features (
        open_time timestamptz NOT NULL, available_at timestamptz NOT NULL, values real[] NOT NULL
    ) ON COMMIT DROP"""
_INSERT = """
    INSERT INTO features (venue, symbol, interval, feature_set, open_time, available_at, values)
    SELECT %(venue)s, %(symbol)s, %(interval)s, %(identity)s, open_time, available_at, values
    FROM staged_features ORDER BY open_time  -- one order for all writers: no deadlocks
    ON CONFLICT (venue, symbol, interval, feature_set, open_time) DO NOTHING"""
_RANGE = """
    SELECT open_time, values FROM features
    WHERE venue = {venue} AND symbol = {symbol} AND interval = {interval} AND feature_set = {identity}
      AND open_time >= {start} AND open_time < {end}
    ORDER BY open_time"""
_SPAN = """
    SELECT min(open_time), max(open_time), count(*) FROM features
    WHERE venue = %(venue)s AND symbol = %(symbol)s AND interval = %(interval)s AND feature_set = %(identity)s"""


@dataclass(frozen=True, kw_only=True)
class FeatureSpan:
    """What is stored of a market's features: first and last open time (ms UTC) and number of rows."""

    first_open_ms: int
    last_open_ms: int
    num_rows: int


@translate_errors()
def register_feature_set(connection: Connection, record: FeatureSetRecord) -> None:
    """Store names and lookbacks of a set; nothing happens when they are stored already.

    Raises
    ------
    DataError
        When the identity is stored with other names or lookbacks.
    """
    if not record.names or len(record.names) != len(record.lookback_ms):
        raise ValueError(f"feature set {record.identity} needs names, and a lookback for each")
    connection.execute(_REGISTER, [record.identity, list(record.names), list(record.lookback_ms)])
    stored = read_feature_set(connection, record.identity)
    if stored != record:
        raise DataError(
            f"Feature set {record.identity} is stored with other names or lookbacks than this program gives it.",
            remedy="Change the set's name, so that its identity changes with its definition.",
        )


@translate_errors()
def read_feature_set(connection: Connection, identity: str) -> FeatureSetRecord | None:
    """Names and lookbacks of a stored set, or None."""
    query = "SELECT names, lookback_ms FROM feature_sets WHERE identity = %s"
    row = connection.execute(query, [identity]).fetchone()
    if row is None:
        return None
    names, lookback_ms = row
    return FeatureSetRecord(identity=identity, names=tuple(names), lookback_ms=tuple(lookback_ms))


@translate_errors()
def write_features(connection: Connection, key: MarketKey, record: FeatureSetRecord, rows: FeatureRows) -> int:
    """Store the rows whose bars have none yet, and the set when it is new; returns how many rows were added."""
    if rows.names != record.names or rows.values.shape != (len(rows), len(record.names)):
        raise ValueError(f"rows of {rows.values.shape} do not belong to feature set {record.identity}")
    if not np.isfinite(rows.values).all():
        raise ValueError(f"rows of feature set {record.identity} hold a value that is not finite")
    data: dict[str, NDArray[Any]] = {
        "open_time": encode_times(rows.open_time),
        "available_at": encode_times(rows.open_time + interval_ms(key.interval)),
        "values": rows.values,
    }
    with connection.transaction():
        register_feature_set(connection, record)
        connection.execute(_STAGE)
        copy_in(connection, "staged_features", (_OPEN_TIME, _AVAILABLE_AT, _values_of(record)), data)
        num_added = connection.execute(_INSERT, {**vars(key), "identity": record.identity}).rowcount
        connection.execute("DROP TABLE staged_features")
    return num_added


@translate_errors()
def read_features(
    connection: Connection, key: MarketKey, record: FeatureSetRecord | str, *, start_ms: int, end_ms: int
) -> FeatureRows:
    """The stored rows of bars that open in [start_ms, end_ms), ascending; possibly none.

    Parameters
    ----------
    record : FeatureSetRecord or str
        The set, or its identity: then its names come from the database.

    Raises
    ------
    NoDataError
        When no set of that identity is stored.
    DataError
        When a row has another number of values than the set has names.
    """
    if isinstance(record, str):
        record = _require_feature_set(connection, record)
    query = sql.SQL(_RANGE).format(
        identity=record.identity, start=to_timestamp(start_ms), end=to_timestamp(end_ms), **vars(key)
    )
    data = copy_out(connection, query, (_OPEN_TIME, _values_of(record)))
    return FeatureRows(names=record.names, open_time=decode_times(data["open_time"]), values=data["values"])


@translate_errors()
def feature_span(connection: Connection, key: MarketKey, identity: str) -> FeatureSpan | None:
    """First row, last row and number of rows of a market in a set; None when it has none."""
    row = connection.execute(_SPAN, {**vars(key), "identity": identity}).fetchone()
    assert row is not None
    first, last, num_rows = row
    if num_rows == 0:
        return None
    return FeatureSpan(first_open_ms=to_milliseconds(first), last_open_ms=to_milliseconds(last), num_rows=num_rows)


def _values_of(record: FeatureSetRecord) -> Column:
    return Column(name="values", payload=float4_array(len(record.names)))


def _require_feature_set(connection: Connection, identity: str) -> FeatureSetRecord:
    record = read_feature_set(connection, identity)
    if record is None:
        raise NoDataError(f"The database has no feature set {identity}.", remedy="Run `lorentzian features`.")
    return record
