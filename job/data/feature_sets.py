"""Which feature rows the database holds, and the only way in which any of them is deleted."""

from dataclasses import dataclass
from typing import Final

from job.data.klines import MarketKey
from job.data.postgres import Connection, translate_errors
from job.data.timestamps import to_milliseconds

_STORED: Final = """
    SELECT venue, symbol, interval, feature_set, count(*), sum(pg_column_size(features.*)), max(feature_sets.created_at)
    FROM features JOIN feature_sets ON feature_sets.identity = features.feature_set
    GROUP BY venue, symbol, interval, feature_set
    ORDER BY venue, symbol, interval, feature_set"""
_DELETE: Final = """
    DELETE FROM features
    WHERE venue = %(venue)s AND symbol = %(symbol)s AND interval = %(interval)s AND feature_set = %(identity)s"""
# Its names stay as long as any market has rows of it.
_FORGET: Final = """
    DELETE FROM feature_sets WHERE identity = %(identity)s
      AND NOT EXISTS (SELECT FROM features WHERE feature_set = %(identity)s)"""


@dataclass(frozen=True, kw_only=True)
class StoredFeatures:
    """The rows of one market in one feature set.

    Parameters
    ----------
    key, identity : of the market and the set.
    num_rows, num_bytes : of its rows; indexes come on top.
    registered_ms : when the set was first stored, UTC milliseconds.
    """

    key: MarketKey
    identity: str
    num_rows: int
    num_bytes: int
    registered_ms: int


@translate_errors()
def stored_features(connection: Connection) -> list[StoredFeatures]:
    """All feature rows, counted by market and set; reads the whole table."""
    return [
        StoredFeatures(
            key=MarketKey(venue=venue, symbol=symbol, interval=interval),
            identity=identity,
            num_rows=num_rows,
            num_bytes=int(num_bytes),
            registered_ms=to_milliseconds(registered),
        )
        for venue, symbol, interval, identity, num_rows, num_bytes, registered in connection.execute(_STORED).fetchall()
    ]


@translate_errors()
def delete_features(connection: Connection, key: MarketKey, identity: str) -> int:
    """Delete the rows of a market in a set, all or none, and the set's names with the last of them; returns how many.

    They can be computed again from klines for as long as a program knows the set.
    """
    values = {**vars(key), "identity": identity}
    with connection.transaction():
        num_deleted = connection.execute(_DELETE, values).rowcount
        connection.execute(_FORGET, values)
    return num_deleted
