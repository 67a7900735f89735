"""What one window reads from Postgres: klines, funding and feature rows, and the labels made of them."""

import psycopg

from job.data.feature_rows import FeatureRows
from job.data.feature_table import read_features
from job.data.kline_table import read_klines
from job.data.klines import Klines
from job.data.outside_series import OutsideSeries, funding_key
from job.data.series_table import read_series
from job.errors import NoDataError
from job.records import PlanRecord, ProcedureRecord
from job.rows import Dataset, LabelledRows
from job.rules import LABEL_LOOKBACK_MS, label_rows, make_dataset, market_key, reads_funding, stored_rows_of
from job.windows import Span


def load_dataset(
    connection: psycopg.Connection, plan: PlanRecord, span: Span, *, lookback_ms: int = LABEL_LOOKBACK_MS
) -> Dataset:
    """Read what a window over ``span`` needs; nothing later than its end.

    Parameters
    ----------
    lookback_ms : how long before the span its klines begin.

    Raises
    ------
    NoDataError
        Where the span has no klines or no feature rows.
    """
    klines, features = _read(connection, plan.procedure, plan.feature_set, span, lookback_ms=lookback_ms)
    funding = load_funding(connection, plan.procedure, span)
    return make_dataset(klines, features, plan.procedure, funding=funding)


def load_peers(connection: psycopg.Connection, plan: PlanRecord, span: Span) -> dict[str, LabelledRows]:
    """Read the rows of the other markets that a plan learns from, by symbol; nothing later than the end of ``span``."""
    peers = {}
    for peer, feature_set in stored_rows_of(plan)[1:]:
        klines, features = _read(connection, peer, feature_set, span, lookback_ms=LABEL_LOOKBACK_MS)
        peers[peer.market.symbol] = label_rows(klines, features, peer)
    return peers


def _read(
    connection: psycopg.Connection, procedure: ProcedureRecord, feature_set: str, span: Span, *, lookback_ms: int
) -> tuple[Klines, FeatureRows]:
    key = market_key(procedure)
    klines = read_klines(connection, key, start_ms=span.start_ms - lookback_ms, end_ms=span.end_ms)
    features = read_features(connection, key, feature_set, start_ms=span.start_ms, end_ms=span.end_ms)
    if not len(klines) or not len(features):
        raise NoDataError(
            f"There are {len(klines)} klines and {len(features)} feature rows of {key} from {span}.",
            remedy="Run `lorentzian collect` or `lorentzian import`, then `lorentzian features`.",
        )
    return klines, features


def load_funding(connection: psycopg.Connection, procedure: ProcedureRecord, span: Span) -> OutsideSeries | None:
    """The stored funding of ``span``, or None where a procedure's accounts pay none of it."""
    if not reads_funding(procedure):
        return None
    key = funding_key(market_key(procedure))
    return read_series(connection, key, start_ms=span.start_ms, end_ms=span.end_ms)
