"""What a model wants at the close of a bar, and why, from what it sees there. Pure.

It is a function of the model file and of closed bars alone, so that it can be asked again at any time. The rules are
those of the backtest: the same thresholds, a signal that holds as long as a label lives, the same sizes and exits.
"""

from dataclasses import dataclass

import numpy as np

from job.arrays import FloatArray
from job.data.klines import Klines
from job.data.signal_table import Signal
from job.intervals import interval_ms
from job.prediction.market_view import MarketView
from job.prediction.neighbours import Neighbourhood, neighbourhood
from job.prediction.stored_model import StoredModel
from job.procedure import on_bars
from job.rules import make_bars, trading_rules
from job.signals import Thresholds, TradingRules, target_positions

# Why a bar with features wants no position.
NOVEL, NO_SIDE, NEVER_TRADES = "novel", "no_side", "never_trades"
BETWEEN, NO_SHORT, SIZE_UNKNOWN = "between_thresholds", "no_short", "size_unknown"


@dataclass(frozen=True, kw_only=True)
class Decision:
    """What a model wants at the close of a bar, on which terms, and what voted.

    Parameters
    ----------
    signal : what is stored of it.
    stop, take : distances of the exits from the entry, fractions of the price; None for none, or not known.
    is_held : whether it is an earlier bar's signal that still holds.
    neighbourhood : of the bar's own row; None without one, or for models in which no neighbours vote.
    """

    signal: Signal
    stop: float | None
    take: float | None
    is_held: bool
    neighbourhood: Neighbourhood | None


def decide(model: StoredModel, view: MarketView, *, num_neighbours: int) -> Decision:
    """Forecast the bar, and say what position is wanted from its close on.

    Parameters
    ----------
    num_neighbours : how many of the bars that voted are named.
    """
    rules, features = trading_rules(model.procedure), view.rows.values
    probability, has_row = _forecast(model, view), view.missing is None
    heard = np.where(model.is_novel(features), np.nan, probability)
    own = float(probability[-1]) if has_row else None
    own_heard = float(heard[-1]) if has_row else np.nan
    last = view.target.select(slice(-rules.hold_bars, None))
    target = target_positions(on_bars(last, view.rows.open_time, heard), model.thresholds, hold_bars=rules.hold_bars)
    size, stop, take = _terms(view.target, model)
    wanted = int(target[-1])
    is_silent = view.missing or (NOVEL if np.isnan(own_heard) else None)
    reason = _why_flat(is_silent, model.thresholds, rules, wanted=wanted, size=size)
    side = 0 if reason is not None else wanted
    signal = Signal(
        open_ms=view.open_ms,
        available_at_ms=view.open_ms + interval_ms(view.target.interval),
        probability=own,
        side=side,
        size=size if side != 0 else 0.0,
        reason=reason,
    )
    return Decision(
        signal=signal,
        stop=stop,
        take=take,
        is_held=side != 0 and not _asks(own_heard, model.thresholds, side),
        neighbourhood=neighbourhood(_as_found(model, view), features[-1:], num_neighbours) if has_row else None,
    )


def _forecast(model: StoredModel, view: MarketView) -> FloatArray:
    """Probability of up of each of the view's rows, float64 (n,)."""
    if view.later is None:
        return model.forecast(view.rows.values)
    asking = view.later.select(np.isin(view.later.open_time, view.rows.open_time))
    return model.forecast_among(asking, view.later)


def _as_found(model: StoredModel, view: MarketView) -> StoredModel:
    """The model with the bank that the view's own bar finds."""
    return model if view.later is None else model.joined_by(view.later)


def _terms(target: Klines, model: StoredModel) -> tuple[float, float | None, float | None]:
    """Size of an entry at the last close, NaN where it is not known, and the distances of its exits."""
    terms = make_bars(target, model.procedure).terms
    stop, take = (float(distance[-1]) for distance in (terms.stop, terms.take))
    is_known = not (np.isnan(stop) or np.isnan(take))
    size = float(terms.size[-1]) if is_known else np.nan
    return size, stop if np.isfinite(stop) else None, take if np.isfinite(take) else None


def _why_flat(
    silent: str | None, thresholds: Thresholds, rules: TradingRules, *, wanted: int, size: float
) -> str | None:
    """Why no position is wanted, the first reason that holds; None where one is."""
    if not rules.has_side:
        return NO_SIDE
    if thresholds.never_trades:
        return NEVER_TRADES
    if wanted == 0:
        return silent or BETWEEN
    if wanted < 0 and rules.market == "spot":
        return NO_SHORT
    return None if size > 0 else SIZE_UNKNOWN


def _asks(heard: float, thresholds: Thresholds, side: int) -> bool:
    """Whether the bar's own forecast, NaN for none, asks for this side."""
    return heard >= thresholds.buy if side > 0 else heard <= thresholds.sell
