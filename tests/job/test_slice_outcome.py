"""What a test slice makes of a model that stays silent about some of its rows."""

from dataclasses import dataclass, replace

import numpy as np

from job.arrays import BoolArray, Float32Array, FloatArray
from job.model.prior import PriorLearner
from job.procedure import TrainedProcedure
from job.rows import Dataset
from job.signals import Thresholds
from job.slice_outcome import forecast_and_trade
from tests.job.test_procedure import RULES, WINDOW, make_klines, make_rows, train

KLINES = make_klines()
ROWS = make_rows(KLINES)
SILENT_FROM = 40


@dataclass(frozen=True)
class SureUntilItIsStrange:
    """Always certain of up; finds rows strange whose first feature is above a limit."""

    limit: float

    def predict(self, features: Float32Array) -> FloatArray:
        return np.full(len(features), 0.9)

    def is_novel(self, features: Float32Array) -> BoolArray:
        return features[:, 0] > self.limit


def test_novel_rows_are_forecast_and_ask_for_nothing() -> None:
    """The forecast stays in the series, since it is judged; the position ends when its signal has run out."""
    assert WINDOW.test is not None
    is_late = np.arange(len(ROWS)) >= np.searchsorted(ROWS.open_time, WINDOW.test.start_ms) + SILENT_FROM
    rows = replace(ROWS, features=np.where(is_late[:, None], np.float32(9), np.float32(0)))
    data = Dataset(klines=KLINES, rows=rows.within(WINDOW.test))
    model = train(ROWS, KLINES, PriorLearner())
    always = Thresholds(buy=0.6, sell=0.1)

    def outcome(limit: float) -> tuple[FloatArray, np.ndarray]:
        trained: dict[str, TrainedProcedure] = {
            "sure": replace(
                model, classifier=SureUntilItIsStrange(limit), choice=replace(model.choice, thresholds=always)
            )
        }
        tested = forecast_and_trade(data, WINDOW.test, trained, RULES)
        return tested.probability["sure"], tested.position["sure"]

    (heard, held), (same, silent) = outcome(10.0), outcome(5.0)
    np.testing.assert_array_equal(heard, same)
    assert (held[1:] == 1).all()
    last_held = SILENT_FROM - 1 + RULES.hold_bars
    assert (silent[1 : last_held + 1] == 1).all() and (silent[last_held + 1 :] == 0).all()
