"""Can a classifier tell one stretch of days from the next? Then the market that was learned is not the one ahead. Pure.

Cross-validation in blocks of time, with a gap around what is held out: features change slowly, and a row's
neighbours would give it away. Even so any two stretches differ, so an AUC says little beside 0.5, and much beside
the AUCs of the windows before it (`job.evaluation.drift`). What it says of the test comes after the test, and may
choose nothing.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from job.arrays import BoolArray, IntArray
from job.evaluation.classification import auc
from job.evaluation.measure import Measure
from job.features.registry import feature_set
from job.records import MeasureRecord, PlanRecord, WindowDriftRecord
from job.rows import LabelledRows
from job.windows import Window

NUM_BLOCKS = 3
MAX_ROWS = 3_000  # neighbouring bars say nearly the same: more rows cost time and tell nothing
MIN_ROWS = 20  # of each stretch in each part, below which an AUC is noise
NUM_ROUNDS = 10
NUM_NAMED = 5
PARAMETERS = {
    "objective": "binary",
    "num_leaves": 7,
    "learning_rate": 0.2,
    "min_data_in_leaf": 40,
    "max_bin": 31,
    "num_threads": 1,
    "deterministic": True,
    "force_row_wise": True,
    "is_unbalance": True,
    "seed": 0,
    "verbosity": -1,
}


@dataclass(frozen=True, kw_only=True)
class Separation:
    """How well a classifier tells two stretches of rows apart.

    Parameters
    ----------
    auc : mean over the held-out blocks; 0.5 where the stretches look alike, ``too_short`` where they hold too little.
    features : names of those that gave them away most, the strongest first; none where there is no AUC.
    """

    auc: Measure
    features: tuple[str, ...]


TOO_SHORT = Separation(auc=Measure.undefined("too_short"), features=())


def drift_before_test(plan: PlanRecord, window: Window, training: LabelledRows) -> Separation:
    """The last forward block's fit rows against its validation rows: known before the test is."""
    block = window.blocks[-1]
    return separate(training.within(block.fit), training.within(block.validation), compared_columns(plan))


def drift_after_the_fact(plan: PlanRecord, training: LabelledRows, test: LabelledRows) -> Separation:
    """The training rows against the test rows, once the test has been read."""
    return separate(training, test, compared_columns(plan))


def drift_record(before: Separation, after_the_fact: Separation) -> WindowDriftRecord:
    """Both as they are stored with the window."""
    return WindowDriftRecord(
        auc=MeasureRecord(value=before.auc.value, reason=before.auc.reason),
        drifting_features=before.features,
        after_the_fact_auc=MeasureRecord(value=after_the_fact.auc.value, reason=after_the_fact.auc.reason),
    )


def compared_columns(plan: PlanRecord) -> dict[str, int]:
    """The plan's features by name, without those of the clock: they tell any two stretches apart and mean nothing."""
    market = plan.procedure.market
    definition = feature_set(plan.procedure.features.features, market.interval, market.context_symbols)
    of_clock = {feature.name for feature in definition.features if feature.source == "clock"}
    return {name: column for column, name in enumerate(plan.feature_names) if name not in of_clock}


def separate(before: LabelledRows, after: LabelledRows, columns: Mapping[str, int]) -> Separation:
    """Tell ``before`` from ``after`` by their features.

    Parameters
    ----------
    before, after : rows in time order; ``after`` begins where ``before`` ends.
    columns : of the features that may be used, by name.

    Notes
    -----
    Each stretch is cut into blocks of equal length in time. One block of each is held out at a time, and what lies
    within half a block of the later stretch around them is left out.
    """
    import lightgbm  # two seconds with what it imports: only where rows are told apart

    if not len(before) or not len(after):
        return TOO_SHORT
    every = -(-(len(before) + len(after)) // MAX_ROWS)
    open_time = np.concatenate([before.open_time, after.open_time])[::every]
    features = np.concatenate([before.features, after.features])[::every, list(columns.values())]
    is_after = open_time >= after.open_time[0]
    scores, gains = [], np.zeros(len(columns))
    for held_out, fitted in _folds(open_time, is_after):
        if min(_rows_of_smaller(is_after[held_out]), _rows_of_smaller(is_after[fitted])) < MIN_ROWS:
            return TOO_SHORT
        data = lightgbm.Dataset(features[fitted], is_after[fitted])
        model = lightgbm.train(PARAMETERS, data, num_boost_round=NUM_ROUNDS)
        forecast = np.asarray(model.predict(features[held_out]), dtype=np.float64)
        scores.append(auc(is_after[held_out], forecast).rank)
        gains += model.feature_importance("gain")
    names = tuple(columns)
    strongest = [row for row in np.argsort(-gains, kind="stable")[:NUM_NAMED] if gains[row] > 0]
    return Separation(auc=Measure.of(float(np.mean(scores))), features=tuple(names[row] for row in strongest))


def _folds(open_time: IntArray, is_after: BoolArray) -> Iterator[tuple[BoolArray, BoolArray]]:
    """Held-out and fitted rows of each fold."""
    block = np.where(is_after, _blocks(open_time, is_after), _blocks(open_time, ~is_after))
    gap_ms = int(np.ptp(open_time[is_after])) // (2 * NUM_BLOCKS)
    for number in range(NUM_BLOCKS):
        held_out = block == number
        yield held_out, ~held_out & ~_is_near(open_time, held_out, gap_ms)


def _blocks(open_time: IntArray, mask: BoolArray) -> IntArray:
    """Number of each row's block, were ``mask`` cut into stretches of equal time."""
    first, last = open_time[mask][0], open_time[mask][-1]
    number: IntArray = np.clip((open_time - first) * NUM_BLOCKS // (last - first + 1), 0, NUM_BLOCKS - 1)
    return number


def _is_near(open_time: IntArray, held_out: BoolArray, gap_ms: int) -> BoolArray:
    """Rows less than ``gap_ms`` from one that is held out."""
    held = open_time[held_out]
    at = np.searchsorted(held, open_time)
    to_next = held[np.minimum(at, len(held) - 1)] - open_time
    to_last = open_time - held[np.maximum(at - 1, 0)]
    near: BoolArray = np.minimum(np.abs(to_next), np.abs(to_last)) < gap_ms
    return near


def _rows_of_smaller(is_after: BoolArray) -> int:
    num_after = int(is_after.sum())
    return min(num_after, len(is_after) - num_after)
