"""Whether the newest bars still look like those that the model in use was trained on."""

import numpy as np

from job.arrays import Float32Array, IntArray
from job.data.feature_table import read_features
from job.data.kline_table import read_klines
from job.data.postgres import Connection
from job.errors import NoDataError
from job.evaluation.drift import percentiles_of_history
from job.features.build import build_features, first_bar_needed
from job.intervals import DAY_MS, floor_day
from job.prediction.market_view import features_of, market_keys
from job.prediction.stored_model import StoredModel
from job.records import MeasureRecord, PlanRecord, ReleaseDriftRecord, SummaryRecord
from job.robustness.adversarial import compared_columns, separate
from job.rows import LabelledRows
from job.rules import market_key
from job.windows import Span


def release_drift(
    connection: Connection, plan: PlanRecord, summary: SummaryRecord, model: StoredModel, span: Span
) -> ReleaseDriftRecord | None:
    """The last test span of live bars against the training bars, judged by the run's own windows after the fact.

    None before as many days have been forecast as a window tests, where the features that the model was trained on
    are no longer stored, and for model files that do not name their training bars.
    """
    start_ms = span.end_ms - plan.procedure.windows.test_size * DAY_MS
    if start_ms < span.start_ms or model.row_open_ms is None:
        return None
    trained_ms = (int(model.row_open_ms[0]), int(model.row_open_ms[-1]) + 1)
    key = market_key(model.procedure)
    try:
        trained = read_features(connection, key, model.feature_set, start_ms=trained_ms[0], end_ms=trained_ms[1])
    except NoDataError:
        return None
    definition = features_of(model, where=f"Model {model.identity}")
    markets = {
        each.symbol: read_klines(connection, each, start_ms=first_bar_needed(start_ms), end_ms=span.end_ms)
        for each in market_keys(model.procedure)
    }
    target = markets.pop(key.symbol)
    live = build_features(definition, target, markets, from_ms=start_ms).between(start_ms, span.end_ms)
    found = separate(
        _rows(trained.open_time, trained.values), _rows(live.open_time, live.values), compared_columns(plan)
    )
    history = () if summary.drift is None else tuple(each.value for each in summary.drift.after_the_fact_auc)
    percentile = percentiles_of_history((*history, found.auc.value))[-1]
    return ReleaseDriftRecord(
        day_ms=floor_day(span.end_ms - 1),
        auc=MeasureRecord(value=found.auc.value, reason=found.auc.reason),
        percentile=MeasureRecord(value=percentile.value, reason=percentile.reason),
        drifting_features=found.features,
    )


def _rows(open_time: IntArray, features: Float32Array) -> LabelledRows:
    """Rows whose labels nobody asks for."""
    return LabelledRows(
        open_time=open_time,
        decision_ms=open_time,
        features=features,
        up=np.full(len(open_time), np.nan),
        label_end_ms=open_time,
    )
