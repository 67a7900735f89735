"""What a model sees at the close of a bar: bars of its markets, and features made of them as for training.

Features are made from bars and not read: rows are the same bits whenever they are made, and nobody need have run
`lorentzian features` since the bar closed.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from job.data.feature_rows import FeatureRows
from job.data.kline_table import newest_common_open, stored_span
from job.data.klines import Klines, MarketKey
from job.data.postgres import Connection
from job.errors import ConfigError, NoDataError
from job.features.build import build_features, first_bar_needed
from job.features.definition import MAX_LOOKBACK_MS, FeatureSet
from job.features.grid import continuous_spans
from job.features.registry import feature_set
from job.intervals import interval_ms
from job.prediction.bar_reader import BarReader
from job.prediction.stored_model import StoredModel
from job.records import ProcedureRecord
from job.rows import LabelledRows, join_labels
from job.rules import make_labels, market_key, trading_rules

# Why a bar has no features.
GAP, WARM_UP, NOT_FINITE = "gap", "warm_up", "not_finite"


@dataclass(frozen=True, kw_only=True)
class MarketView:
    """What a model sees at the close of one bar.

    Parameters
    ----------
    open_ms : of that bar.
    target : bars of the traded symbol up to it; enough for features, sizes and held signals.
    rows : features of its last bars; a bar without features has none.
    missing : why the bar itself has no row, or None where it has one.
    later : rows since the fit up to this bar, labelled by what has closed, and those of ``rows``, for a bank that
        grows; None for one that does not.
    """

    open_ms: int
    target: Klines
    rows: FeatureRows
    missing: str | None
    later: LabelledRows | None = None


def features_of(model: StoredModel, *, where: str) -> FeatureSet:
    """The feature set that a model was trained on.

    Raises
    ------
    ConfigError
        Where this version makes other features under that name.
    """
    definition = _definition(model.procedure)
    if (definition.record.identity, definition.record.names) != (model.feature_set, model.feature_names):
        raise ConfigError(
            f"{where} was trained on feature set {model.feature_set}, and this version makes "
            f"{definition.record.identity}.",
            remedy="Use the version that trained it, or train again with this one.",
        )
    return definition


def newest_bar(connection: Connection, procedure: ProcedureRecord, *, before_ms: int) -> int:
    """Open of the newest bar that all markets of a procedure have reached and that had closed by ``before_ms``.

    Raises
    ------
    NoDataError
        Where a market has no bars.
    """
    keys = market_keys(procedure)
    bar_ms = interval_ms(procedure.market.interval)
    newest = newest_common_open(connection, keys, end_ms=before_ms - bar_ms + 1)
    if newest is None:
        missing = [str(key) for key in keys if stored_span(connection, key) is None]
        what = f"no klines of {', '.join(missing)}" if missing else "no klines of all its markets by then"
        raise NoDataError(
            f"The database has {what}, which the model looks at.",
            remedy=f"Run `lorentzian collect{procedure.market.flags}`.",
        )
    return newest


def market_keys(procedure: ProcedureRecord) -> tuple[MarketKey, ...]:
    """The stored series that a procedure looks at, the traded one first."""
    own = market_key(procedure)
    return (own, *(replace(own, symbol=symbol) for symbol in procedure.market.context_symbols))


def look_at(
    connection: Connection,
    reader: BarReader,
    procedure: ProcedureRecord,
    definition: FeatureSet,
    *,
    open_ms: int,
    live_from_ms: int | None = None,
) -> MarketView:
    """Read what there is by the close of the bar that opened at ``open_ms``, which must be stored, and no later bar.

    Parameters
    ----------
    live_from_ms : of a model whose bank grows: rows from there on are labelled too.
    """
    keys = market_keys(procedure)
    own = keys[0]
    end_ms, hold_bars = open_ms + 1, trading_rules(procedure).hold_bars
    # Held signals count bars that there are; where some are missing, the oldest that counts is older.
    start_ms = first_bar_needed(open_ms - (hold_bars - 1) * interval_ms(own.interval))
    since_ms = open_ms if live_from_ms is None else live_from_ms
    read_ms = min(start_ms, first_bar_needed(since_ms))
    bars = reader.read(connection, keys, start_ms=read_ms, end_ms=end_ms)
    target = bars[own]
    oldest_ms = int(target.open_time[-min(hold_bars, len(target))])
    if first_bar_needed(oldest_ms) < start_ms:
        start_ms = first_bar_needed(oldest_ms)
        read_ms = min(start_ms, read_ms)
        bars = reader.read(connection, keys, start_ms=read_ms, end_ms=end_ms)
        target = bars[own]
    context = {key.symbol: bars[key] for key in keys[1:]}
    since_ms = min(oldest_ms, since_ms)
    built = build_features(definition, target, context, from_ms=since_ms).between(since_ms, end_ms)
    rows = built.between(oldest_ms, end_ms)
    has_row = bool(len(rows)) and int(rows.open_time[-1]) == open_ms
    missing = None if has_row else _why_no_row(connection, keys, target, context, open_ms)
    later = None if live_from_ms is None else join_labels(built, target, make_labels(target, procedure))
    return MarketView(open_ms=open_ms, target=target.between(start_ms, end_ms), rows=rows, missing=missing, later=later)


def _definition(procedure: ProcedureRecord) -> FeatureSet:
    market = procedure.market
    return feature_set(procedure.features.features, market.interval, market.context_symbols)


def _why_no_row(
    connection: Connection, keys: tuple[MarketKey, ...], target: Klines, context: Mapping[str, Klines], open_ms: int
) -> str:
    """Which rule of `build_features` leaves the bar without a row."""
    needed_ms = open_ms + interval_ms(target.interval) - MAX_LOOKBACK_MS
    spans = continuous_spans([target, *context.values()])
    if any(span.start_ms <= needed_ms and open_ms < span.end_ms for span in spans):
        return NOT_FINITE
    first_ms = [span.first_open_ms for key in keys if (span := stored_span(connection, key)) is not None]
    return WARM_UP if max(first_ms) > needed_ms else GAP
