"""What a procedure's settings mean: the series that it trades, how forecasts are traded, what is learned. Pure."""

from job.backtest.costs import Costs
from job.data.feature_rows import FeatureRows
from job.data.klines import Klines, MarketKey
from job.intervals import DAY_MS, bars_per_year
from job.labels import Labels, barrier_width, fixed_labels, triple_barrier_labels
from job.records import ProcedureRecord
from job.rows import Dataset, join_labels
from job.signals import TradingRules

# Labels measure volatility over the day before their bar.
LABEL_LOOKBACK_MS = DAY_MS


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


def make_labels(klines: Klines, procedure: ProcedureRecord) -> Labels:
    """The labels that a procedure learns."""
    rules = trading_rules(procedure)
    if procedure.label.label == "fixed":
        return fixed_labels(klines, horizon_bars=rules.hold_bars)
    width = barrier_width(klines, horizon_bars=rules.hold_bars, floor=2 * rules.costs.round_trip)
    return triple_barrier_labels(klines, horizon_bars=rules.hold_bars, width=width)


def make_dataset(klines: Klines, features: FeatureRows, procedure: ProcedureRecord) -> Dataset:
    """Label the bars, and join the labels with the rows of features."""
    return Dataset(klines=klines, rows=join_labels(features, klines, make_labels(klines, procedure)))
