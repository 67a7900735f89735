"""Bars from the database, those that were read before kept: following, only what is new has to be sent.

Stored bars never change, but one may come late. So what is kept is counted against what is stored, and read again
where the two differ: a bar is then the same to whoever follows and to whoever starts anew.
"""

from dataclasses import dataclass, field, fields

import numpy as np

from job.data.kline_table import num_stored, read_klines
from job.data.klines import Klines, MarketKey
from job.data.postgres import Connection


@dataclass
class BarReader:
    """Reads bars of some markets."""

    _kept: dict[MarketKey, tuple[int, Klines]] = field(default_factory=dict, init=False)

    def read(self, connection: Connection, key: MarketKey, *, start_ms: int, end_ms: int) -> Klines:
        """The stored bars that open in [start_ms, end_ms), ascending; possibly none."""
        bars = self._continued(connection, key, start_ms, end_ms)
        if bars is None or len(bars) != num_stored(connection, key, start_ms=start_ms, end_ms=end_ms):
            bars = read_klines(connection, key, start_ms=start_ms, end_ms=end_ms)
        self._kept[key] = (start_ms, bars)
        return bars

    def _continued(self, connection: Connection, key: MarketKey, start_ms: int, end_ms: int) -> Klines | None:
        """The bars that are kept, and those after them; None where what is asked for begins before."""
        kept_from_ms, kept = self._kept.get(key, (start_ms + 1, None))
        if kept is None or kept_from_ms > start_ms or not len(kept):
            return None
        kept = kept.between(start_ms, end_ms)
        next_ms = int(kept.open_time[-1]) + 1 if len(kept) else start_ms
        return _joined(kept, read_klines(connection, key, start_ms=next_ms, end_ms=end_ms))


def _joined(first: Klines, second: Klines) -> Klines:
    columns = {
        column.name: np.concatenate([getattr(first, column.name), getattr(second, column.name)])
        for column in fields(Klines)
        if column.name != "interval"
    }
    return Klines(interval=first.interval, **columns)
