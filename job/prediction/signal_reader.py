"""Signals of a model in use, those that were read before kept: of a year of them, only what is new has to be sent.

What was said stays; but a bar may be forecast after a later one. So what is kept is counted against what is stored, and
read again where the two differ, as `bar_reader` does with bars.
"""

from dataclasses import dataclass, field

import numpy as np

from job.data.postgres import Connection
from job.data.signal_table import SignalKey, StoredSignals, num_signals, read_signals


@dataclass(kw_only=True)
class SignalReader:
    """Reads the signals of one model from one moment on.

    Parameters
    ----------
    key : whose signals, and of which market.
    after_ms : of bars that closed after this moment, UTC milliseconds.
    bar_ms : length of a bar.
    """

    key: SignalKey
    after_ms: int
    bar_ms: int
    _kept: StoredSignals | None = field(default=None, init=False)

    def read(self, connection: Connection) -> StoredSignals:
        """All that are stored by now, ascending; possibly none."""
        found = self._continued(connection)
        if found is None or len(found) != num_signals(connection, self.key, after_ms=self.after_ms):
            found = read_signals(connection, self.key, after_ms=self.after_ms)
        self._kept = found
        return found

    def _continued(self, connection: Connection) -> StoredSignals | None:
        """Those that are kept, and those of later bars; None where none are kept."""
        kept = self._kept
        if kept is None or not len(kept):
            return None
        later = read_signals(connection, self.key, after_ms=int(kept.open_time[-1]) + self.bar_ms)
        return StoredSignals(
            open_time=np.concatenate([kept.open_time, later.open_time]),
            probability=np.concatenate([kept.probability, later.probability]),
            side=np.concatenate([kept.side, later.side]),
            is_late=np.concatenate([kept.is_late, later.is_late]),
            reason=kept.reason + later.reason,
        )
