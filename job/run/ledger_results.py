"""Results of readings, read from the ledger: one object a procedure where they were joined, and else one a test.

In a bucket each object costs a round trip, and years of windows of a hundred markets are tens of thousands of them.
What was joined is believed no further than its names reach: a result that came later is read by itself.
"""

import itertools
from collections import Counter
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from types import MappingProxyType
from typing import TypeAlias

import numpy as np

from job.artifacts.npz import arrays_to_bytes, bytes_to_arrays
from job.artifacts.store import ObjectStore
from job.artifacts.stored_records import parse_record
from job.errors import DataError
from job.logs import same_names
from job.records import LedgerResultRecord

RESULT_SUFFIX = ".daily.json"
JOINED_RESULTS = "joined.npz"
# As many connections as an S3 client keeps; more would be opened and thrown away.
NUM_READERS = 10
NOTHING_KNOWN: Mapping[str, LedgerResultRecord] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class JoinedResult:
    """A result out of the joined ones: as `LedgerResultRecord`, checked with all of them, and made a tenth as dear."""

    day_ms: tuple[int, ...]
    daily_return: tuple[float, ...]


Result: TypeAlias = LedgerResultRecord | JoinedResult


def read_results(
    ledger: ObjectStore, keys: list[str], *, known: Mapping[str, LedgerResultRecord] = NOTHING_KNOWN
) -> dict[str, Result]:
    """The results by key; those that are ``known`` are not read again."""
    found: dict[str, Result] = {key: known[key] for key in keys if key in known}
    places = Counter(key.rsplit("/", 2)[0] for key in keys if key not in found)
    with ThreadPoolExecutor(max_workers=NUM_READERS, initializer=same_names()) as readers:
        many = [f"{place}/" for place, count in places.items() if count > 1]
        joined: dict[str, Result] = {
            key: result for each in readers.map(lambda place: _joined(ledger, place), many) for key, result in each
        }
    found = joined | found
    return found | _read_each(ledger, [key for key in keys if key not in found])


def _joined(ledger: ObjectStore, place: str) -> list[tuple[str, JoinedResult]]:
    stored = ledger.get(place + JOINED_RESULTS)
    if stored is None:
        return []
    try:
        arrays = bytes_to_arrays(stored.data, where=place + JOINED_RESULTS)
        # Checked as one, so that the fifty thousand results of a large ledger need not be, one by one.
        whole = LedgerResultRecord(day_ms=arrays["day_ms"].tolist(), daily_return=arrays["daily_return"].tolist())
        bounds = np.cumsum(np.append(0, arrays["num_days"])).tolist()
        if bounds[-1] != len(whole.day_ms) or bounds != sorted(bounds):
            return []
        return [
            (place + key, JoinedResult(whole.day_ms[start:end], whole.daily_return[start:end]))
            for key, (start, end) in zip(arrays["key"].tolist(), itertools.pairwise(bounds), strict=True)
        ]
    except (DataError, KeyError, ValueError):
        return []  # what it was made from is there


def _read_each(ledger: ObjectStore, keys: list[str]) -> dict[str, Result]:
    """The results by key, many at once: in a bucket each costs a round trip, and there may be thousands."""

    def read(key: str) -> LedgerResultRecord:
        stored = ledger.get(key)
        assert stored is not None, "it was listed a moment ago, and the ledger is never pruned"
        return parse_record(LedgerResultRecord, stored.data, where=key)

    with ThreadPoolExecutor(max_workers=NUM_READERS, initializer=same_names()) as readers:
        return dict(zip(keys, readers.map(read, keys), strict=True))


def join_results(ledger: ObjectStore, place: str, *, known: Mapping[str, LedgerResultRecord] = NOTHING_KNOWN) -> None:
    """Store all results of a procedure once more, in one object.

    Parameters
    ----------
    place : the prefix of the procedure's entries.
    """
    keys = [info.key for info in ledger.list(place) if info.key.endswith(RESULT_SUFFIX)]
    if not keys:
        return
    results = read_results(ledger, keys, known=known)
    told = [results[key] for key in keys]
    arrays = {
        "key": np.array([key.removeprefix(place) for key in keys], dtype=np.str_),
        "num_days": np.array([len(each.day_ms) for each in told], dtype=np.int64),
        "day_ms": np.array([day for each in told for day in each.day_ms], dtype=np.int64),
        "daily_return": np.array([value for each in told for value in each.daily_return], dtype=np.float64),
    }
    ledger.put(place + JOINED_RESULTS, arrays_to_bytes(arrays))
