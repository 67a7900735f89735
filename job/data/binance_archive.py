"""Klines and funding from Binance's public archive of daily and monthly zip files, each verified by its checksum.

Files appear after their period: a day's on the next day, a month's early in the next month. Their content is
read by the same parser as files on disk. Knows nothing of storage.
"""

import io
from collections.abc import Iterator
from dataclasses import dataclass
from types import TracebackType
from typing import Literal, Self
from urllib.parse import quote

import numpy as np

from job.data.binance_markets import MARKETS, MarketName
from job.data.funding_rates import funding_of_csv
from job.data.kline_csv import parse_kline_csv
from job.data.kline_files import read_container
from job.data.klines import Klines, MarketKey
from job.data.outside_series import OutsideSeries
from job.data.patience import Patience
from job.data.verified_download import VerifiedDownloads
from job.errors import DataError
from job.intervals import DAY_MS

ARCHIVE_URL = "https://data.binance.vision"
MONTHLY_FROM_MS = 4 * DAY_MS  # for fewer days their own files are the smaller download
MONTHLY_LAG_MS = 10 * DAY_MS  # after this a month that has no file does not wait for one


@dataclass(frozen=True, kw_only=True)
class Period:
    """A UTC month or day that one file covers: [start_ms, end_ms)."""

    folder: Literal["monthly", "daily"]
    stamp: str
    start_ms: int
    end_ms: int


class BinanceArchive:
    """One market's files; use it as a context manager, or `close` it.

    Parameters
    ----------
    market : "perp" or "spot"
    now_ms : int
        The present, UTC ms: files of periods that have not ended are not asked for.
    base_url : str or None
        A mirror of the archive; None is Binance's own.
    patience : Patience
        How often and how long failed requests are tried again.
    """

    def __init__(
        self,
        *,
        market: MarketName,
        now_ms: int,
        base_url: str | None = None,
        patience: Patience | None = None,
    ) -> None:
        self._market = MARKETS[market]
        self._now_ms = now_ms
        self._downloads = VerifiedDownloads(base_url or ARCHIVE_URL, patience=patience or Patience())

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections to the server."""
        self._downloads.close()

    def files(self, key: MarketKey, start_ms: int, end_ms: int) -> Iterator[Klines]:
        """Bars that open in [start_ms, end_ms) by file, oldest first; a file that is not there is left out.

        Months where they are published, days for the rest.

        Raises
        ------
        DataError
            A file does not match its checksum twice, is damaged, or holds bars of another time.
        NoDataError
            The archive refuses this location.
        ExchangeUnavailable
            No answer after bounded retries.
        """
        for month in periods("monthly", start_ms, end_ms):
            first_ms, last_ms = max(start_ms, month.start_ms), min(end_ms, month.end_ms)
            for klines in self._month(key, month, first_ms, last_ms):
                wanted = klines.between(first_ms, last_ms)
                if len(wanted):
                    yield wanted

    def funding(self, symbol: str, start_ms: int, end_ms: int) -> Iterator[OutsideSeries]:
        """Funding that was settled in [start_ms, end_ms) by month, oldest first, of months that have a file.

        Raises
        ------
        As `files` does.
        """
        for month in periods("monthly", start_ms, end_ms):
            path = f"{self._market.archive_path}/monthly/fundingRate/{symbol}/{symbol}-fundingRate-{month.stamp}.zip"
            data = self._downloads.fetch(quote(path)) if month.end_ms <= self._now_ms else None
            if data is not None:
                where = path.rpartition("/")[2]
                text = read_container(io.BytesIO(data), suffix=".zip", key=None, where=where)
                settled = funding_of_csv(text, where=where).between(start_ms, end_ms)
                if len(settled):
                    yield settled

    def _month(self, key: MarketKey, month: Period, start_ms: int, end_ms: int) -> Iterator[Klines]:
        """The month's file, or those of its days that [start_ms, end_ms) touches."""
        days = [day for day in periods("daily", start_ms, end_ms) if day.end_ms <= self._now_ms]
        if month.end_ms <= self._now_ms and end_ms - start_ms >= MONTHLY_FROM_MS:
            whole = self._file(key, month)
            if whole is not None:
                yield whole
                return
            is_late = self._now_ms >= month.end_ms + MONTHLY_LAG_MS
            if is_late and self._downloads.checksum(self._path(key, days[-1])) is None:
                return  # no month and no last day: before the listing, so do not ask for thirty days more
        for day in days:
            klines = self._file(key, day)
            if klines is not None:
                yield klines

    def _file(self, key: MarketKey, period: Period) -> Klines | None:
        """All bars of one file, or None when it is not there."""
        path = self._path(key, period)
        data = self._downloads.fetch(path)
        if data is None:
            return None
        where = path.rpartition("/")[2]
        try:
            text = read_container(io.BytesIO(data), suffix=".zip", key=key, where=where)
            klines = parse_kline_csv(text, interval=key.interval, where=where, now_ms=self._now_ms)
        except DataError as error:
            remedy = "Collect these bars with --source rest."
            raise DataError(f"{self._downloads.host}: {error.message}", remedy=remedy) from error
        if len(klines.between(period.start_ms, period.end_ms)) < len(klines):
            raise DataError(
                f"{self._downloads.host}: {where} holds bars outside {period.stamp}.",
                remedy="Collect these bars with --source rest.",
            )
        return klines

    def _path(self, key: MarketKey, period: Period) -> str:
        folder = f"{self._market.archive_path}/{period.folder}/klines/{key.symbol}/{key.interval}"
        return quote(f"{folder}/{key.symbol}-{key.interval}-{period.stamp}.zip")


def periods(folder: Literal["monthly", "daily"], start_ms: int, end_ms: int) -> list[Period]:
    """The UTC months or days that [start_ms, end_ms) touches, oldest first."""
    if start_ms >= end_ms:
        return []
    unit = "datetime64[M]" if folder == "monthly" else "datetime64[D]"
    first, last = (np.datetime64(time_ms, "ms").astype(unit) for time_ms in (start_ms, end_ms - 1))
    stamps = np.arange(first, last + 2)
    edges = stamps.astype("datetime64[ms]").astype(np.int64).tolist()
    return [
        Period(folder=folder, stamp=str(stamp), start_ms=start, end_ms=end)
        for stamp, start, end in zip(stamps, edges, edges[1:], strict=False)
    ]
