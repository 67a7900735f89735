"""Funding rates as Binance states them, in answers and in files, as an `OutsideSeries`. Knows no network, no storage.

A settlement is stamped some milliseconds after its hour, and REST and archive need not agree on how many. Here it is
rounded to the minute, so that it is one event wherever it came from. The rate is known when it is paid.
"""

import csv
import io

import numpy as np

from job.data.outside_series import OutsideSeries, check_series
from job.errors import DataError
from job.intervals import MINUTE_MS

TIME, RATE = "calc_time", "last_funding_rate"  # columns of an archive file; "funding_interval_hours" is not used
ANSWER_TIME, ANSWER_RATE = "fundingTime", "fundingRate"
LATEST_MS = 10**14  # the year 5138
MAX_FILE_BYTES = 8 * 1024 * 1024  # settlements of every hour since 2017 are a third of it
LARGEST_RATE = 0.5  # of notional at one settlement; Binance caps it at a few percent


def funding_of_csv(data: bytes, *, where: str) -> OutsideSeries:
    """The settlements of an archive file, oldest first.

    Raises
    ------
    DataError
        It is no such file: the line and the reason are named.
    """
    if len(data) > MAX_FILE_BYTES:
        raise DataError(f"{where} is larger than {MAX_FILE_BYTES // 1024**2} MiB.", remedy="Name a file of one month.")
    try:
        reader = csv.DictReader(io.StringIO(data.decode("utf-8-sig")))
        if not {TIME, RATE} <= set(reader.fieldnames or ()):
            raise DataError(f"{where} has no columns {TIME} and {RATE}.", remedy="Name a fundingRate file of Binance.")
        rows = [(row[TIME], row[RATE]) for row in reader]
    except (UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{where} is no CSV text: {error}.") from error
    return _series(rows, where=where)


def funding_of_answer(answer: object, *, where: str) -> OutsideSeries:
    """The settlements of one REST answer, oldest first.

    Raises
    ------
    DataError
        It is no list of settlements.
    """
    try:
        if not isinstance(answer, list):
            raise TypeError("not a list")
        rows = [(each[ANSWER_TIME], each[ANSWER_RATE]) for each in answer]
    except (TypeError, LookupError) as error:
        raise DataError(f"{where} does not hold funding rates.", remedy="Check --base-url.") from error
    return _series(rows, where=where)


def to_the_minute(time_ms: np.ndarray) -> np.ndarray:
    """Times rounded to the nearest minute, int64."""
    rounded: np.ndarray = (time_ms + MINUTE_MS // 2) // MINUTE_MS * MINUTE_MS
    return rounded


def _series(rows: list[tuple[object, object]], *, where: str) -> OutsideSeries:
    times, rates = np.empty(len(rows), dtype=np.int64), np.empty(len(rows))
    for number, (time, rate) in enumerate(rows):
        try:
            times[number], rates[number] = int(str(time)), float(str(rate))
        except (ValueError, OverflowError) as error:
            raise DataError(f"{where}: settlement {number + 1} is not a time and a rate.") from error
        if not 0 < times[number] < LATEST_MS:
            raise DataError(f"{where}: settlement {number + 1} has a time that is not in milliseconds.")
        if not abs(rates[number]) <= LARGEST_RATE:
            raise DataError(f"{where}: settlement {number + 1} has the rate {rates[number]:g}, which is no fraction.")
    event_time = to_the_minute(times)
    return check_series(OutsideSeries(event_time=event_time, available_at=event_time, value=rates), where=where)
