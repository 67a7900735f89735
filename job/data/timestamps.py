"""Milliseconds UTC ⇄ Postgres ``timestamptz``, for single moments and for arrays of its binary form."""

from datetime import UTC, datetime, timedelta

import numpy as np

from job.arrays import IntArray
from job.errors import DataError

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)
_POSTGRES_EPOCH_MS = 946_684_800_000  # 2000-01-01: where the binary form counts microseconds from
_MICROSECONDS = 1_000


def to_timestamp(time_ms: int) -> datetime:
    """The moment ``time_ms`` as a UTC datetime, exactly."""
    return _EPOCH + time_ms * _MILLISECOND


def to_milliseconds(moment: datetime) -> int:
    """A timezone-aware datetime as milliseconds UTC; parts of a millisecond are cut off."""
    return (moment - _EPOCH) // _MILLISECOND


def encode_times(times_ms: IntArray) -> IntArray:
    """Milliseconds UTC (n,) as the microseconds of a binary ``timestamptz`` (n,)."""
    return (times_ms - _POSTGRES_EPOCH_MS) * _MICROSECONDS


def decode_times(microseconds: IntArray) -> IntArray:
    """The microseconds of a binary ``timestamptz`` (n,) as milliseconds UTC (n,).

    Raises
    ------
    DataError
        For infinity, or a time with parts of a millisecond: no writer of ours stores either.
    """
    if np.any(microseconds % _MICROSECONDS):
        raise DataError("The database holds a time that is not a whole number of milliseconds.")
    return microseconds // _MICROSECONDS + _POSTGRES_EPOCH_MS
