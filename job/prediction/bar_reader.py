"""Bars from the database, those that were read before kept: following, only what is new has to be sent.

Stored bars never change, but one may come late. So what is kept is counted against what is stored, and read again
where the two differ: a bar is then the same to whoever follows and to whoever starts anew.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, fields

import numpy as np

from job.data.kline_table import read_klines, read_later_klines
from job.data.klines import Klines, MarketKey
from job.data.postgres import Connection


@dataclass
class BarReader:
    """Reads bars of some markets."""

    _kept: dict[MarketKey, tuple[int, Klines]] = field(default_factory=dict, init=False)

    def read(
        self, connection: Connection, keys: Sequence[MarketKey], *, start_ms: int, end_ms: int
    ) -> dict[MarketKey, Klines]:
        """The stored bars of each market that open in [start_ms, end_ms), ascending; possibly none.

        Parameters
        ----------
        keys : of one venue and interval.
        """
        found = self._continued(connection, keys, start_ms, end_ms)
        for key in keys:
            if key not in found:
                found[key] = read_klines(connection, key, start_ms=start_ms, end_ms=end_ms)
            self._kept[key] = (start_ms, found[key])
        return {key: found[key] for key in keys}

    def _continued(
        self, connection: Connection, keys: Sequence[MarketKey], start_ms: int, end_ms: int
    ) -> dict[MarketKey, Klines]:
        """Of the markets whose bars are kept: those, and what came after them, where that is all there is."""
        kept = {
            key: bars.between(start_ms, end_ms)
            for key, (from_ms, bars) in self._kept.items()
            if key in keys and from_ms <= start_ms
        }
        last_ms = {key: int(bars.open_time[-1]) for key, bars in kept.items() if len(bars)}
        if not last_ms:
            return {}
        later = read_later_klines(connection, last_ms, start_ms=start_ms, end_ms=end_ms)
        joined = {key: _joined(kept[key], later[key].klines) for key in last_ms}
        return {key: bars for key, bars in joined.items() if len(bars) == later[key].num_stored}


def _joined(first: Klines, second: Klines) -> Klines:
    columns = {
        column.name: np.concatenate([getattr(first, column.name), getattr(second, column.name)])
        for column in fields(Klines)
        if column.name != "interval"
    }
    return Klines(interval=first.interval, **columns)
