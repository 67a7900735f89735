"""What the indicator says at each bar's close, on a chart that has ended or on one that goes on.

TradingView ties the first candidate to the chart's last bar, so what a chart shows of the past changes with every
bar that arrives. `read_chart` repeats that, to be compared with an export, and must not be traded. `pine_positions`
gives what a reader would have seen at each close, when that bar was the last one.

Neither forgets: extremes are taken since the first bar, the chain of neighbours and the direction are carried on.
Results depend on where ``klines`` begin, and on nothing after a bar for `pine_positions`.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from job.arrays import BoolArray, IntArray
from job.data.klines import Klines
from job.pine.indicators import is_moving, pine_features
from job.pine.neighbours import chain_votes, trailing_labels

CANDIDATE_BARS = 2000
# Until then the features hold a start at a price of 0: (1 - 1/20)^200 leaves a thirty-thousandth of it.
WARM_UP_BARS = 200
# Bars before the first traded one that `pine_positions` can make use of; with fewer it has fewer candidates.
PINE_HISTORY_BARS = WARM_UP_BARS + CANDIDATE_BARS


@dataclass(frozen=True, kw_only=True)
class PineChart:
    """What the indicator shows.

    Parameters
    ----------
    prediction : int64 (n,), sum of eight votes.
    direction : int64 (n,), 1 long, -1 short, 0 before the first signal.
    """

    prediction: IntArray
    direction: IntArray


def read_chart(klines: Klines) -> PineChart:
    """The indicator on a chart whose last bar is known from the beginning: looks ahead, for comparison only."""
    bar = np.arange(len(klines))
    return _chart(klines, np.full(len(klines), max(0, len(klines) - 1 - CANDIDATE_BARS)), bar)


def pine_positions(klines: Klines) -> NDArray[np.int8]:
    """Position that the indicator wants from each close on, int8 (n,), in {-1, 0, 1}.

    Parameters
    ----------
    klines : Klines
        Beginning `PINE_HISTORY_BARS` before the first bar that is traded, where there are so many.
    """
    bar = np.arange(len(klines))
    return _chart(klines, np.maximum(WARM_UP_BARS, bar - CANDIDATE_BARS), bar).direction.astype(np.int8)


def _chart(klines: Klines, first_candidate: IntArray, bar: IntArray) -> PineChart:
    votes = chain_votes(pine_features(klines), trailing_labels(klines.close), first_candidate)
    prediction = np.where(bar >= first_candidate, votes, 0)
    return PineChart(prediction=prediction, direction=held_direction(prediction, is_moving(klines)))


def held_direction(prediction: IntArray, is_open: BoolArray) -> IntArray:
    """Side of the last prediction that was not zero and met open filters, int64 (n,)."""
    side = np.where(is_open, np.sign(prediction), 0)
    last = np.maximum.accumulate(np.where(side != 0, np.arange(len(side)), 0))
    return side[last]
