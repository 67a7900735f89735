from datetime import UTC, datetime

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from job.data.timestamps import decode_times, encode_times, to_milliseconds, to_timestamp
from job.errors import DataError

TIMES = st.integers(0, 4_102_444_800_000)  # 1970 to 2100


def test_to_timestamp_knows_a_date() -> None:
    """The first bar of the sample data opens at 2025-07-04 11:40 UTC."""
    assert to_timestamp(1_751_629_200_000) == datetime(2025, 7, 4, 11, 40, tzinfo=UTC)


@given(TIMES)
def test_timestamps_survive_the_way_there_and_back(time_ms: int) -> None:
    """No millisecond is lost, one by one or as an array."""
    assert to_milliseconds(to_timestamp(time_ms)) == time_ms
    assert decode_times(encode_times(np.array([time_ms])))[0] == time_ms


@pytest.mark.parametrize("microseconds", [1, 2**63 - 1, -(2**63)])
def test_decode_times_refuses_parts_of_a_millisecond_and_infinity(microseconds: int) -> None:
    """A time that our writers cannot have stored is not rounded into one that they can."""
    with pytest.raises(DataError, match="whole number of milliseconds"):
        decode_times(np.array([0, microseconds]))
