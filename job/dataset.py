"""What one window reads from Postgres: its klines, its feature rows, and the labels made of them."""

import psycopg

from job.data.feature_table import read_features
from job.data.kline_table import read_klines
from job.errors import NoDataError
from job.records import PlanRecord
from job.rows import Dataset
from job.rules import LABEL_LOOKBACK_MS, make_dataset, market_key
from job.windows import Span


def load_dataset(connection: psycopg.Connection, plan: PlanRecord, span: Span) -> Dataset:
    """Read what a window over ``span`` needs; nothing later than its end.

    Raises
    ------
    NoDataError
        Where the span has no klines or no feature rows.
    """
    key = market_key(plan.procedure)
    klines = read_klines(connection, key, start_ms=span.start_ms - LABEL_LOOKBACK_MS, end_ms=span.end_ms)
    features = read_features(connection, key, plan.feature_set, start_ms=span.start_ms, end_ms=span.end_ms)
    if not len(klines) or not len(features):
        raise NoDataError(
            f"There are {len(klines)} klines and {len(features)} feature rows of {key} from {span}.",
            remedy="Run `lorentzian collect` or `lorentzian import`, then `lorentzian features`.",
        )
    return make_dataset(klines, features, plan.procedure)
