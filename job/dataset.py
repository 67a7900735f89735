"""What one window reads from Postgres: its klines, its feature rows, and the labels made of them."""

from dataclasses import dataclass

import psycopg

from job.backtest.costs import Costs
from job.data.feature_table import read_features
from job.data.kline_table import read_klines
from job.data.klines import Klines, MarketKey
from job.errors import NoDataError
from job.intervals import DAY_MS, bars_per_year
from job.labels import Labels, barrier_width, fixed_labels, triple_barrier_labels
from job.records import PlanRecord, ProcedureRecord
from job.rows import LabelledRows, join_labels
from job.signals import TradingRules
from job.windows import Span

# Labels measure volatility over the day before their bar.
LABEL_LOOKBACK_MS = DAY_MS


@dataclass(frozen=True, kw_only=True)
class Dataset:
    """Klines and labelled rows of one span."""

    klines: Klines
    rows: LabelledRows


def market_key(procedure: ProcedureRecord) -> MarketKey:
    """The stored series that a procedure trades."""
    market = procedure.market
    return MarketKey(venue=market.venue, symbol=market.symbol, interval=market.interval)


def trading_rules(procedure: ProcedureRecord) -> TradingRules:
    """How a procedure's forecasts are traded."""
    return TradingRules(
        costs=Costs(fee_bps=procedure.costs.fee_bps, slippage_bps=procedure.costs.slippage_bps),
        market=procedure.market.market,
        hold_bars=procedure.label.horizon_bars(procedure.market.interval),
        bars_per_year=bars_per_year(procedure.market.interval),
    )


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
    rows = join_labels(features, klines, make_labels(klines, plan.procedure))
    return Dataset(klines=klines, rows=rows)


def make_labels(klines: Klines, procedure: ProcedureRecord) -> Labels:
    """The labels that a procedure learns."""
    rules = trading_rules(procedure)
    if procedure.label.label == "fixed":
        return fixed_labels(klines, horizon_bars=rules.hold_bars)
    width = barrier_width(klines, horizon_bars=rules.hold_bars, floor=2 * rules.costs.round_trip)
    return triple_barrier_labels(klines, horizon_bars=rules.hold_bars, width=width)
