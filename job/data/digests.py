"""A digest per UTC day of what a window can read, computed inside Postgres, so that changed data is noticed.

The bytes are those of the binary protocol (big-endian, the same on every machine and server version), in the order of
open times; nothing but the digests crosses the network.
"""

from psycopg import sql

from job.data.klines import MarketKey
from job.data.outside_series import funding_key
from job.data.postgres import Connection, translate_errors
from job.data.timestamps import to_timestamp

_DAILY = """
    WITH bars AS (
        SELECT date_trunc('day', open_time AT TIME ZONE 'UTC') AS day,
               sha256(string_agg(
                   timestamptz_send(open_time) || timestamptz_send(available_at) || float8send(open)
                   || float8send(high) || float8send(low) || float8send(close) || float8send(volume),
                   ''::bytea ORDER BY open_time)) AS digest
        FROM klines
        WHERE venue = {venue} AND symbol = {symbol} AND interval = {interval}
          AND open_time >= {start} AND open_time < {end}
        GROUP BY day
    ), rows AS (
        SELECT date_trunc('day', open_time AT TIME ZONE 'UTC') AS day,
               sha256(string_agg(
                   timestamptz_send(open_time) || timestamptz_send(available_at) || array_send(values),
                   ''::bytea ORDER BY open_time)) AS digest
        FROM features
        WHERE venue = {venue} AND symbol = {symbol} AND interval = {interval} AND feature_set = {identity}
          AND open_time >= {start} AND open_time < {end}
        GROUP BY day
    ), due AS (
        SELECT date_trunc('day', event_time AT TIME ZONE 'UTC') AS day,
               sha256(string_agg(
                   timestamptz_send(event_time) || timestamptz_send(available_at) || float8send(value),
                   ''::bytea ORDER BY event_time, available_at)) AS digest
        FROM series
        WHERE {with_funding} AND source = {source} AND name = {name} AND event_time >= {start} AND event_time < {end}
        GROUP BY day
    )
    SELECT to_char(day, 'YYYY-MM-DD'),
           encode(sha256(coalesce(bars.digest, sha256('')) || coalesce(rows.digest, sha256(''))
                         || coalesce(due.digest, ''::bytea)), 'hex')
    FROM bars FULL JOIN rows USING (day) FULL JOIN due USING (day)
    ORDER BY day"""


@translate_errors()
def day_digests(
    connection: Connection, key: MarketKey, identity: str, *, start_ms: int, end_ms: int, with_funding: bool = True
) -> dict[str, str]:
    """A sha256 in hex by UTC day ("2025-07-04"), over the bars, feature rows and funding of [start_ms, end_ms).

    Parameters
    ----------
    identity : str
        The feature set whose rows count.
    with_funding : bool
        Whether the market's stored funding counts.

    Returns
    -------
    dict of str to str
        Ascending days. A day without a bar, a row and an event is absent; one that the range cuts has the digest of
        its part within the range.
    """
    query = sql.SQL(_DAILY).format(
        identity=identity,
        with_funding=with_funding,
        start=to_timestamp(start_ms),
        end=to_timestamp(end_ms),
        **vars(key),
        **vars(funding_key(key)),
    )
    return {day: digest for day, digest in connection.execute(query).fetchall()}
