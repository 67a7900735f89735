"""The table ``series``: outside series in and out of numpy, never rewritten.

A revision is another row of the same event, known later; who reads the past gets what was known of it last.
"""

from typing import Final

from psycopg import sql

from job.data.copy_binary import FLOAT8, TIMESTAMPTZ, Column, copy_in, copy_out
from job.data.outside_series import OutsideSeries, SeriesKey, check_series
from job.data.postgres import Connection, translate_errors
from job.data.timestamps import decode_times, encode_times, to_milliseconds, to_timestamp
from job.errors import DataError
from job.intervals import format_utc

_COLUMNS: Final = (
    Column(name="event_time", payload=TIMESTAMPTZ),
    Column(name="available_at", payload=TIMESTAMPTZ),
    Column(name="value", payload=FLOAT8),
)
_STAGE = """
    CREATE TEMPORARY TABLE staged_series (
        event_time timestamptz NOT NULL, available_at timestamptz NOT NULL, value double precision NOT NULL
    ) ON COMMIT DROP"""
_INSERT = """
    INSERT INTO series (source, name, event_time, available_at, value)
    SELECT %(source)s, %(name)s, event_time, available_at, value
    FROM staged_series ORDER BY event_time, available_at  -- one order for all writers: no deadlocks
    ON CONFLICT (source, name, event_time, available_at) DO NOTHING"""
_CONFLICTS = """
    SELECT event_time, stored.value, staged.value
    FROM staged_series staged JOIN series stored USING (event_time, available_at)
    WHERE source = %(source)s AND name = %(name)s AND stored.value IS DISTINCT FROM staged.value
    ORDER BY event_time LIMIT 1"""
_RANGE = """
    SELECT DISTINCT ON (event_time) event_time, available_at, value FROM series
    WHERE source = {source} AND name = {name} AND event_time >= {start} AND event_time < {end}
    ORDER BY event_time, available_at DESC"""


@translate_errors()
def write_series(connection: Connection, key: SeriesKey, series: OutsideSeries) -> int:
    """Store the events that are not stored yet; returns how many those were.

    Raises
    ------
    DataError
        When an event is no event, or one is stored with another value that was known at the same time. Nothing is
        written then.
    """
    check_series(series, where=str(key))
    data = {
        "event_time": encode_times(series.event_time),
        "available_at": encode_times(series.available_at),
        "value": series.value,
    }
    with connection.transaction():
        connection.execute(_STAGE)
        copy_in(connection, "staged_series", _COLUMNS, data)
        num_added = connection.execute(_INSERT, vars(key)).rowcount
        conflict = connection.execute(_CONFLICTS, vars(key)).fetchone()
        if conflict is not None:
            moment, stored, new = conflict
            raise DataError(
                f"{key}: the event of {format_utc(to_milliseconds(moment))} UTC is stored with {stored} and was to be "
                f"written with {new}, both known at the same time.",
                remedy="Write a correction with the time from which on it was known.",
            )
        connection.execute("DROP TABLE staged_series")
    return num_added


@translate_errors()
def read_series(connection: Connection, key: SeriesKey, *, start_ms: int, end_ms: int) -> OutsideSeries:
    """The events in [start_ms, end_ms), each as it was known last; none is a series of length 0."""
    query = sql.SQL(_RANGE).format(start=to_timestamp(start_ms), end=to_timestamp(end_ms), **vars(key))
    data = copy_out(connection, query, _COLUMNS)
    return OutsideSeries(
        event_time=decode_times(data["event_time"]),
        available_at=decode_times(data["available_at"]),
        value=data["value"],
    )
