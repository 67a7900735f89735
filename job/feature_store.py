"""Feature rows kept up to date in Postgres: read klines, build the rows that are missing, store them."""

from dataclasses import dataclass, replace

import psycopg
import structlog

from job.data.feature_rows import FeatureSetRecord
from job.data.feature_table import FeatureSpan, feature_span, register_feature_set, write_features
from job.data.kline_table import KlineSpan, read_klines, require_span
from job.data.klines import Klines, MarketKey
from job.errors import NoDataError
from job.features.build import build_features, first_bar_needed
from job.features.definition import MAX_LOOKBACK_MS
from job.features.registry import feature_set
from job.intervals import interval_ms
from job.settings.procedure import FeatureSettings, MarketSettings


@dataclass(frozen=True, kw_only=True)
class FeatureUpdate:
    """What an update did: rows added, and the first and last bar that have rows now."""

    identity: str
    num_added: int
    num_columns: int
    first_open_ms: int
    last_open_ms: int


def feature_record(market: MarketSettings, features: FeatureSettings) -> FeatureSetRecord:
    """The feature set that these settings name."""
    return feature_set(features.features, market.interval, market.context_symbols).record


def update_features(connection: psycopg.Connection, market: MarketSettings, features: FeatureSettings) -> FeatureUpdate:
    """Build and store the rows that are missing at either end; rows that are stored are never changed.

    Raises
    ------
    NoDataError
        Where the market or one of its context has no klines, or too few for a single row.
    """
    definition = feature_set(features.features, market.interval, market.context_symbols)
    record = definition.record
    key = MarketKey(venue=market.venue, symbol=market.symbol, interval=market.interval)
    register_feature_set(connection, record)
    keys = {symbol: replace(key, symbol=symbol) for symbol in (market.symbol, *market.context_symbols)}
    spans = {symbol: require_span(connection, each, flags=market.flags) for symbol, each in keys.items()}
    from_ms = _first_missing(feature_span(connection, key, record.identity), spans, interval_ms(market.interval))
    reach_ms = None if from_ms is None else first_bar_needed(from_ms)
    context = {symbol: _read_from(connection, each, spans[symbol], reach_ms) for symbol, each in keys.items()}
    target = context.pop(market.symbol)
    rows = build_features(definition, target, context, from_ms=from_ms)
    num_added = write_features(connection, key, record, rows) if len(rows) else 0
    span = feature_span(connection, key, record.identity)
    if span is None:
        raise NoDataError(
            f"{len(target)} klines of {key} are too few for one row of feature set {record.identity}, "
            "which looks back three days.",
            remedy="Collect or import more history.",
        )
    structlog.get_logger().info(
        "features_updated", symbol=key.symbol, num_added=num_added, last_open_ms=span.last_open_ms
    )
    return FeatureUpdate(
        identity=record.identity,
        num_added=num_added,
        num_columns=len(record.names),
        first_open_ms=span.first_open_ms,
        last_open_ms=span.last_open_ms,
    )


def _first_missing(stored: FeatureSpan | None, markets: dict[str, KlineSpan], bar_ms: int) -> int | None:
    """The bar after the last row; None for all bars, where there is no row, or older bars than its first came later."""
    if stored is None:
        return None
    first_possible_ms = max(span.first_open_ms for span in markets.values()) + MAX_LOOKBACK_MS - bar_ms
    return None if stored.first_open_ms > first_possible_ms else stored.last_open_ms + bar_ms


def _read_from(connection: psycopg.Connection, key: MarketKey, span: KlineSpan, start_ms: int | None) -> Klines:
    first_ms = span.first_open_ms if start_ms is None else start_ms
    return read_klines(connection, key, start_ms=first_ms, end_ms=span.last_open_ms + 1)
