"""Funding files of Binance's archive on disk, such as ``SOLUSDT-fundingRate-2025-07.zip``; each whole or refused."""

import re
from dataclasses import dataclass
from pathlib import Path

from job.data.funding_rates import funding_of_csv
from job.data.kline_files import SUFFIXES, agreed, check_regular_file, read_container, unreadable
from job.data.klines import MarketKey
from job.data.outside_series import OutsideSeries, SeriesKey, funding_key

NAME = re.compile(r"(?P<symbol>[A-Z0-9_]+)-fundingRate(-\d{4}-\d{2}(-\d{2})?)?", re.ASCII)


@dataclass(frozen=True, kw_only=True)
class FundingFile:
    """What one file holds."""

    key: SeriesKey
    funding: OutsideSeries


def symbol_of_funding(path: Path | str) -> str | None:
    """The symbol whose funding a file says it holds by its name; None for any other file."""
    name = Path(path).name
    for suffix in SUFFIXES:
        match = NAME.fullmatch(name.removesuffix(suffix))
        if match is not None:
            return match["symbol"]
    return None


def read_funding_file(path: Path | str, *, symbol: str | None, venue: str) -> FundingFile:
    """Read one file of settlements.

    Parameters
    ----------
    path : ``.csv``, ``.csv.gz`` or ``.zip``, with a name that says what it holds.
    symbol : what it must hold; None takes the name's word.
    venue : where the perpetual is traded; no file says it.

    Raises
    ------
    UsageError
        The path cannot be read, or its name and ``symbol`` disagree.
    DataError
        The content is damaged or no funding.
    """
    path = Path(path)
    suffix = check_regular_file(path)
    market = MarketKey(venue=venue, symbol=agreed("symbol", symbol, symbol_of_funding(path), path.name), interval="")
    try:
        with path.open("rb") as stream:
            data = read_container(stream, suffix=suffix, key=None, where=path.name)
    except OSError as error:
        raise unreadable(path, error) from error
    return FundingFile(key=funding_key(market), funding=funding_of_csv(data, where=path.name))
