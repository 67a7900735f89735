"""Short ways from numbers or bars to what the feature code takes."""

from collections.abc import Sequence

import numpy as np

from job.data.klines import Klines
from job.features.grid import GridBars, continuous_spans, fill_flat
from tests.support.klines import START_MS


def grid_bars(klines: Klines) -> GridBars:
    """The bars of a series without long holes on their grid."""
    (span,) = continuous_spans([klines])
    return fill_flat(klines, span)


def bars_of_closes(closes: Sequence[float], *, volume: Sequence[float] | None = None) -> GridBars:
    """5m bars that open at the close before and have no wicks."""
    close = np.array(closes, dtype=np.float64)
    open_ = np.concatenate((close[:1], close[:-1]))
    return GridBars(
        step_ms=300_000,
        open_time=START_MS + 300_000 * np.arange(len(close), dtype=np.int64),
        open=open_,
        high=np.maximum(open_, close),
        low=np.minimum(open_, close),
        close=close,
        volume=np.ones(len(close)) if volume is None else np.array(volume, dtype=np.float64),
    )
