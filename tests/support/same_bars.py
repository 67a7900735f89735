"""Equality of kline series to the bit."""

from collections.abc import Sequence

import numpy as np

from job.data.klines import Klines

COLUMNS = ("open_time", "open", "high", "low", "close", "volume")


def assert_same_bars(found: Klines | Sequence[Klines], expected: Klines) -> None:
    """One series, or pages of one, holds exactly the expected bars in the expected types."""
    pages = [found] if isinstance(found, Klines) else found
    assert {page.interval for page in pages} == {expected.interval}
    for name in COLUMNS:
        column = np.concatenate([getattr(page, name) for page in pages])
        assert column.dtype == getattr(expected, name).dtype
        np.testing.assert_array_equal(column, getattr(expected, name))
