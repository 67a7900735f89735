"""What a procedure's settings mean: the series that it trades, how forecasts are traded, what is learned. Pure."""

import numpy as np

from job.arrays import FloatArray
from job.backtest.costs import Costs
from job.backtest.funding import constant_funding, funding_on_bars
from job.backtest.market_bars import MarketBars
from job.backtest.volatility import annual_volatility, relative_true_range, size_for
from job.data.feature_rows import FeatureRows
from job.data.klines import Klines, MarketKey
from job.data.outside_series import OutsideSeries
from job.errors import ConfigError
from job.intervals import DAY_MS, bars_per_year
from job.labels import (
    Labels,
    barrier_width,
    fixed_labels,
    pine_labels,
    triple_barrier_labels,
    volatility_labels,
)
from job.records import PlanRecord, ProcedureRecord
from job.rows import Dataset, LabelledRows, join_labels
from job.signals import TradingRules, fixed_size

# Labels, sizes and exits measure volatility over the day before their bar.
LABEL_LOOKBACK_MS = DAY_MS


def market_key(procedure: ProcedureRecord) -> MarketKey:
    """The stored series that a procedure trades."""
    market = procedure.market
    return MarketKey(venue=market.venue, symbol=market.symbol, interval=market.interval)


def peers_of(procedure: ProcedureRecord) -> tuple[ProcedureRecord, ...]:
    """The markets that a procedure also learns from: the same procedure, as if it traded each of its context.

    The peer and the traded market change places, and everybody else keeps theirs: beside SOL in the context of BTC and
    ETH, BTC's own rows have SOL's columns where SOL's have BTC's, and ETH's where they were. So column i plays one role
    in the rows of all: the market's own indicators first, then each place of the context. No other order keeps more of
    the places, and what leads the traded market still stands in the leader's place in the rows of every other peer.

    Raises
    ------
    ConfigError
        Where it is to learn from others, and has no context.
    """
    market = procedure.market
    if procedure.model.transfer == "none":
        return ()
    if not market.context_symbols:
        raise ConfigError(
            f"--transfer {procedure.model.transfer} learns from the markets of --context, which is empty.",
            remedy="Name at least one, or use --transfer none.",
        )
    places = (market.symbol, *market.context_symbols)
    return tuple(_in_place_of(procedure, places, peer) for peer in places[1:])


def stored_rows_of(plan: PlanRecord) -> tuple[tuple[ProcedureRecord, str], ...]:
    """Whose rows a plan learns from, the traded market first: as if each were traded, and its feature set."""
    markets = (plan.procedure, *peers_of(plan.procedure))
    return tuple(zip(markets, (plan.feature_set, *plan.peer_feature_sets), strict=True))


def _in_place_of(procedure: ProcedureRecord, places: tuple[str, ...], peer: str) -> ProcedureRecord:
    changed = {places[0]: peer, peer: places[0]}
    symbol, *context = (changed.get(each, each) for each in places)
    market = procedure.market.model_copy(update={"symbol": symbol, "context": tuple(context)})
    return procedure.model_copy(update={"market": market})


def trading_rules(procedure: ProcedureRecord) -> TradingRules:
    """How a procedure's forecasts are traded."""
    return TradingRules(
        costs=Costs(fee_bps=procedure.costs.fee_bps, slippage_bps=procedure.costs.slippage_bps),
        market=procedure.market.market,
        hold_bars=procedure.label.horizon_bars(procedure.market.interval),
        bars_per_year=bars_per_year(procedure.market.interval),
        strategy=procedure.strategy,
        has_side=procedure.label.subject != "volatility",
    )


def make_labels(klines: Klines, procedure: ProcedureRecord) -> Labels:
    """The labels that a procedure learns."""
    rules, label = trading_rules(procedure), procedure.label.label
    if label == "fixed":
        return fixed_labels(klines, horizon_bars=rules.hold_bars)
    if label == "volatility":
        return volatility_labels(klines, horizon_bars=rules.hold_bars)
    if label == "pine":
        return pine_labels(klines)
    width = barrier_width(klines, horizon_bars=rules.hold_bars, floor=2 * rules.costs.round_trip)
    return triple_barrier_labels(klines, horizon_bars=rules.hold_bars, width=width)


def label_caution(procedure: ProcedureRecord) -> str | None:
    """What a label that is not about the side of the next move can and cannot be used for, or None."""
    match procedure.label.subject:
        case "volatility":
            return (
                "The label `volatility` asks how much the market will move and not which way: its forecasts have no "
                "side, so nothing was traded with them, and only how good they are is reported."
            )
        case "past":
            return (
                "The label `pine` is the move of the last four bars, inverted, and known when it is forecast: how "
                "well it is forecast says nothing of what comes. Trading it is a bet that the last move turns back."
            )
        case _:
            return None


def reads_funding(procedure: ProcedureRecord) -> bool:
    """Whether accounts pay the stored funding: not on a spot market, and not where a constant was stated."""
    return procedure.market.market == "perp" and procedure.costs.funding_bps is None


def make_bars(klines: Klines, procedure: ProcedureRecord, *, funding: OutsideSeries | None = None) -> MarketBars:
    """Give bars the sizes, exits and funding that a procedure trades with.

    Parameters
    ----------
    klines : from `LABEL_LOOKBACK_MS` before the first bar that is traded.
    funding : as stored; not used where `reads_funding` says so.
    """
    strategy = procedure.strategy
    size: FloatArray | float = fixed_size(strategy.max_size)
    if strategy.sizing == "volatility":
        volatility = annual_volatility(klines, bars_per_year=bars_per_year(klines.interval))
        size = size_for(volatility, target=strategy.target_volatility, max_size=strategy.max_size)
    stop, take = (
        np.inf if multiple is None else multiple * relative_true_range(klines)
        for multiple in (strategy.stop_loss_atr, strategy.take_profit_atr)
    )
    return MarketBars.of(klines, size=size, stop=stop, take=take, funding=_funding(klines, procedure, funding))


def _funding(klines: Klines, procedure: ProcedureRecord, stored: OutsideSeries | None) -> FloatArray | float:
    if reads_funding(procedure) and stored is not None:
        return funding_on_bars(klines, due_ms=stored.event_time, rate=stored.value)
    if procedure.market.market == "perp" and procedure.costs.funding_bps is not None:
        return constant_funding(klines, rate_bps=procedure.costs.funding_bps)
    return 0.0


def label_rows(klines: Klines, features: FeatureRows, procedure: ProcedureRecord) -> LabelledRows:
    """Label the bars, and join the labels with the rows of features."""
    return join_labels(features, klines, make_labels(klines, procedure))


def make_dataset(
    klines: Klines, features: FeatureRows, procedure: ProcedureRecord, *, funding: OutsideSeries | None = None
) -> Dataset:
    """Label the bars, join the labels with the rows of features, and give the bars what trading on them means."""
    rows = label_rows(klines, features, procedure)
    return Dataset(klines=make_bars(klines, procedure, funding=funding), rows=rows)
