"""A run's evaluation as the arrays and records that pages are drawn from. Pure."""

from dataclasses import replace

import numpy as np

from job.arrays import FloatArray
from job.artifacts.curves import CALIBRATION_BINS, Calibration, ClosedTrades, RunCurves, curves_bytes
from job.artifacts.keys import RunKeys
from job.artifacts.stored_records import record_bytes
from job.backtest.account import Backtest
from job.backtest.costs import Costs
from job.evaluation.classification import calibration_bins
from job.evaluation.daily import utc_daily_returns
from job.evaluation.returns import sharpe_ratio
from job.intervals import YEAR_DAYS, interval_ms
from job.records import LONG, PlanRecord, WindowRecord
from job.records.windows import WindowsRecord
from job.replay import JoinedTests, replay
from job.rules import trading_rules
from job.run_evaluation import RunEvaluation

BAND = (0.05, 0.5, 0.95)
COST_STEPS_BPS = np.array([0.0, 1.0, 2.0, 3.5, 5.0, 7.0, 10.0, 14.0, 20.0, 28.0, 40.0])


def curve_objects(plan: PlanRecord, evaluation: RunEvaluation) -> dict[str, bytes]:
    """The objects that pages are drawn from, by key."""
    keys = RunKeys(plan.run_id)
    return {
        keys.curves: curves_bytes(run_curves(plan, evaluation)),
        keys.windows: record_bytes(windows_record(evaluation)),
    }


def run_curves(plan: PlanRecord, evaluation: RunEvaluation) -> RunCurves:
    """The joined tests, as `RunCurves` describes them."""
    account = evaluation.models[evaluation.traded].account
    bar_ms = interval_ms(plan.procedure.market.interval)
    cost_bps = _costs_to_try(evaluation)
    return RunCurves(
        time_ms=np.append(account.open_time[:1], account.open_time + bar_ms),
        equity={name: _from_one(evaluation.models[name].account) for name in (evaluation.traded, LONG)},
        day_ms=evaluation.day,
        daily=dict(evaluation.daily),
        random_equity=_random_band(evaluation),
        trades=_trades(account, bar_ms),
        calibration=_calibration(evaluation.tests, evaluation.traded),
        cost_bps=cost_bps,
        cost_sharpe=np.array([_sharpe_at(plan, evaluation, bps) for bps in cost_bps]),
    )


def windows_record(evaluation: RunEvaluation) -> WindowsRecord:
    """Every window's record, with the traded model alone."""
    return WindowsRecord(windows=tuple(_traded_alone(window) for window in evaluation.windows))


def _traded_alone(window: WindowRecord) -> WindowRecord:
    return window.model_copy(update={"models": {window.traded_model: window.models[window.traded_model]}})


def _from_one(account: Backtest) -> FloatArray:
    relative: FloatArray = account.equity / account.equity[0]
    return relative


def _random_band(evaluation: RunEvaluation) -> FloatArray:
    signals = evaluation.random_signals
    paths = np.cumprod(1 + signals.daily_returns, axis=1)
    band: FloatArray = np.quantile(paths, BAND, axis=0)
    return band


def _trades(account: Backtest, bar_ms: int) -> ClosedTrades:
    trades, last_ms = account.trades, account.open_time[-1:] + bar_ms
    open_time = np.append(account.open_time, last_ms)
    return ClosedTrades(
        entry_ms=open_time[trades.entry_bar],
        exit_ms=open_time[trades.exit_bar],
        side=trades.side,
        gain=trades.pnl / trades.entry_notional,
    )


def _calibration(tests: JoinedTests, model: str) -> Calibration:
    up, forecast = tests.up, tests.probability[model]
    is_labelled = np.isfinite(up) & np.isfinite(forecast)
    up, forecast = up[is_labelled], forecast[is_labelled]
    bins = calibration_bins(up, forecast, num_bins=CALIBRATION_BINS)
    sides = 2 * (up > 0.5).astype(np.int64) + (forecast >= 0.5).astype(np.int64)
    return Calibration(
        forecast=bins.mean_probability,
        observed=bins.observed_rate,
        count=bins.count,
        confusion=np.bincount(sides, minlength=4).reshape(2, 2),
    )


def _costs_to_try(evaluation: RunEvaluation) -> FloatArray:
    """Round steps, and the cost that was assumed."""
    return np.unique(np.append(COST_STEPS_BPS, evaluation.findings.cost_bps))


def _sharpe_at(plan: PlanRecord, evaluation: RunEvaluation, cost_bps: float) -> float:
    """The Sharpe ratio of the same decisions where a side costs ``cost_bps``; NaN where it is undefined.

    Slippage stays what was assumed and fees take the rest, so that the curve passes through the run's own result.
    """
    rules = trading_rules(plan.procedure)
    slippage_bps = min(cost_bps, rules.costs.slippage_bps)
    costs = Costs(fee_bps=cost_bps - slippage_bps, slippage_bps=slippage_bps)
    account = replay(evaluation.tests, evaluation.traded, replace(rules, costs=costs))
    measure = sharpe_ratio(utc_daily_returns(account).value, bars_per_year=YEAR_DAYS)
    return np.nan if measure.value is None else measure.value
