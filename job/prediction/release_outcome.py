"""What the signals of a released model came to, beside what its run's tests had led to expect. Pure.

The account is made by the engine that the tests were made with, from the sides that were said, at the same costs.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from job.arrays import FloatArray
from job.artifacts.curves import CALIBRATION_BINS
from job.backtest.market_bars import MarketBars
from job.data.signal_table import StoredSignals
from job.evaluation.classification import calibration_bins
from job.evaluation.daily import utc_daily_returns
from job.evaluation.expectation import ExpectedBand
from job.evaluation.performance import forecast_measures, headline_measures
from job.procedure import on_bars
from job.records import CalibrationRecord, Measures
from job.records.since_release import ReleaseState
from job.signals import TradingRules, account_of, make_orders
from job.window_results import measure_records

NOTHING_YET = "No bar that was forecast has closed since the release."


@dataclass(frozen=True, kw_only=True)
class ReleaseOutcome:
    """What became of the signals.

    Parameters
    ----------
    day_ms : start of each UTC day that has bars.
    equity : the account at the end of each, having begun with 1.
    measures : of account and forecasts.
    calibration : forecasts beside what happened.
    """

    day_ms: tuple[int, ...]
    equity: tuple[float, ...]
    measures: Measures
    calibration: CalibrationRecord


def release_outcome(
    bars: MarketBars, up: FloatArray, signals: StoredSignals, rules: TradingRules, *, train_prior: float
) -> ReleaseOutcome:
    """Trade what was said over ``bars``, and judge the forecasts.

    Parameters
    ----------
    bars : n >= 1 bars from the first signal to the last, with sizes and funding.
    up : float64 (n,), labels, NaN where they are not settled yet.
    signals : of these bars.
    rules : of the model's procedure.
    train_prior : share of up labels that the model was fitted on.
    """
    account = account_of(bars, make_orders(bars, sides_on_bars(bars, signals, rules.hold_bars), rules), rules)
    daily = utc_daily_returns(account)
    probability = on_bars(bars, signals.open_time, signals.probability)
    known = np.isfinite(up) & np.isfinite(probability)
    bins = calibration_bins(up[known], probability[known], num_bins=CALIBRATION_BINS)
    return ReleaseOutcome(
        day_ms=tuple(daily.day.tolist()),
        equity=tuple(np.cumprod(1 + daily.value).tolist()),
        measures=measure_records(
            headline_measures(account) | forecast_measures(up, probability, train_prior=train_prior)
        ),
        calibration=CalibrationRecord(
            forecast=tuple(bins.mean_probability.tolist()),
            observed=tuple(bins.observed_rate.tolist()),
            count=tuple(bins.count.tolist()),
        ),
    )


def sides_on_bars(bars: MarketBars, signals: StoredSignals, hold_bars: int) -> NDArray[np.int8]:
    """The position wanted from each close on, int8 (n,).

    A bar without a signal keeps the last one for as long as a signal holds: nobody may have asked at every bar.
    """
    side = on_bars(bars, signals.open_time, signals.side.astype(np.float64))
    bar = np.arange(len(side))
    last = np.maximum.accumulate(np.where(np.isfinite(side), bar, -hold_bars))
    is_fresh = bar - last < hold_bars
    return np.where(is_fresh, np.nan_to_num(side[np.maximum(last, 0)]), 0).astype(np.int8)


def judge_release(equity: tuple[float, ...], band: ExpectedBand | None) -> tuple[ReleaseState, str]:
    """Where the account stands beside the band, as a word and as a sentence."""
    if not equity:
        return "unknown", NOTHING_YET
    gain = f"After {_days(len(equity))} the account stands at {equity[-1] - 1:+.1%}"
    if band is None:
        return "unknown", f"{gain}; the run tested fewer than 60 days, too few to expect anything."
    low, high = float(band.low[-1]), float(band.high[-1])
    expected = f"{low - 1:+.1%} to {high - 1:+.1%} that its tests led to expect"
    if low <= equity[-1] <= high:
        return "inside", f"{gain}, within the {expected}."
    state: ReleaseState = "below" if equity[-1] < low else "above"
    return state, f"{gain}, {state} the {expected}: the market, or the model in it, is not what was tested."


def _days(count: int) -> str:
    return "1 day" if count == 1 else f"{count:,} days"
