"""Funding of a perpetual from Binance into Postgres: all settlements since a day, those that are stored left alone.

A year of settlements is two small answers, so the whole span is asked for each time: what is missing anywhere in it
is filled, and nothing needs to be known of gaps.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from job.data.binance_archive import BinanceArchive
from job.data.binance_rest import BinanceRest
from job.data.collect import Source
from job.data.funding_rates import to_the_minute
from job.data.klines import MarketKey
from job.data.outside_series import OutsideSeries, SeriesKey, funding_key
from job.data.patience import Patience
from job.data.postgres import Connection
from job.data.series_table import read_series, write_series
from job.intervals import MINUTE_MS


@dataclass(frozen=True, kw_only=True)
class FundingReport:
    """What one run added, and what is stored of the span after it.

    Parameters
    ----------
    num_added : settlements that were not stored before.
    num_stored : settlements of the span.
    first_ms, last_ms : the oldest and the newest of them, UTC ms; None where there is none.
    """

    key: SeriesKey
    num_added: int
    num_stored: int
    first_ms: int | None
    last_ms: int | None


def collect_funding(
    connection: Connection,
    market: MarketKey,
    *,
    source: Source,
    start_ms: int,
    now_ms: int,
    base_url: str | None = None,
    archive_url: str | None = None,
    patience: Patience | None = None,
) -> FundingReport:
    """Store the settlements of a perpetual since ``start_ms`` that are not stored yet; commit each page and file.

    Parameters
    ----------
    source : "auto", "archive" or "rest"
        The archive has whole months only, so that ``auto`` means REST.
    base_url, archive_url : str or None
        Other endpoints than Binance's own.

    Raises
    ------
    NoDataError
        Binance does not know the symbol, or refuses this location. What was stored before stays.
    ExchangeUnavailable
        No answer after bounded retries. What was stored before stays.
    DataError
        What Binance says is no funding.
    """
    key = funding_key(market)
    if source == "archive":
        with BinanceArchive(market="perp", now_ms=now_ms, base_url=archive_url, patience=patience) as archive:
            num_added = _store(connection, key, archive.funding(market.symbol, start_ms, now_ms))
    else:
        with BinanceRest(market="perp", base_url=base_url, patience=patience) as rest:
            num_added = _store(connection, key, rest.funding(market.symbol, start_ms, now_ms))
    stored = read_series(connection, key, start_ms=start_ms, end_ms=now_ms + 1).event_time
    return FundingReport(
        key=key,
        num_added=num_added,
        num_stored=len(stored),
        first_ms=int(stored[0]) if len(stored) else None,
        last_ms=int(stored[-1]) if len(stored) else None,
    )


def store_new(connection: Connection, key: SeriesKey, funding: OutsideSeries) -> int:
    """Write the settlements of which none is stored within the same minute; returns how many those were."""
    if not len(funding):
        return 0
    first_ms, last_ms = int(funding.event_time[0]), int(funding.event_time[-1])
    stored = read_series(connection, key, start_ms=first_ms - MINUTE_MS, end_ms=last_ms + MINUTE_MS)
    is_new = ~np.isin(to_the_minute(funding.event_time), to_the_minute(stored.event_time))
    return write_series(connection, key, funding.select(is_new))


def _store(connection: Connection, key: SeriesKey, pages: Iterator[OutsideSeries]) -> int:
    return sum(store_new(connection, key, page) for page in pages)
