"""All measures of one account and of one set of forecasts, under their keys. Pure."""

from collections.abc import Callable
from functools import partial

import numpy as np

from job.arrays import FloatArray
from job.backtest.account import Backtest
from job.evaluation import classification, returns, trades
from job.evaluation.daily import utc_daily_returns
from job.evaluation.measure import Measure
from job.intervals import YEAR_DAYS


def account_measures(account: Backtest, *, bars_per_year: float) -> dict[str, Measure]:
    """Every measure of an account from its bars; per-window values, too few days for a claim.

    Parameters
    ----------
    account : Backtest
    bars_per_year : number of the account's bars in a year.
    """
    daily = utc_daily_returns(account)
    return _curve_measures(account.equity, account.bar_returns, bars_per_year) | {
        "percent_profitable": returns.percent_profitable(account.bar_returns, account.in_market),
        "percent_profitable_days": returns.percent_profitable(daily.value, daily.in_market),
        **_trade_measures(account),
        "n_bars": Measure.of(len(account)),
        "n_days": Measure.of(len(daily)),
    }


def headline_measures(account: Backtest) -> dict[str, Measure]:
    """The same of a stitched curve, its ratios from UTC-daily returns (Lo, 2002)."""
    daily = utc_daily_returns(account)
    bars_per_year = float(YEAR_DAYS)
    equity = account.equity[0] * np.cumprod(np.append(1.0, 1 + daily.value))
    of_bars = account_measures(account, bars_per_year=bars_per_year)
    ratios = _curve_measures(equity, daily.value, bars_per_year)
    # A fall within a day counts: the drawdown, and what is divided by it, keep the bars' curve.
    del ratios["max_drawdown"], ratios["recovery_factor"]
    ratios["calmar_ratio"] = returns.return_over_drawdown(ratios["annual_return"], of_bars["max_drawdown"])
    return of_bars | ratios


def planned_measures(*, stop: float | None, take: float | None) -> dict[str, Measure]:
    """What was planned of every trade; arguments as of `job.evaluation.trades.planned_rr`."""
    return {"planned_rr": trades.planned_rr(stop=stop, take=take)}


def forecast_measures(
    up: FloatArray, probability: FloatArray, *, train_prior: FloatArray | float
) -> dict[str, Measure]:
    """Every measure of forecasts, over the rows that have a label and a forecast.

    Parameters
    ----------
    up : float64 (n,), 1, 0, or NaN where there is no label.
    probability : float64 (n,), NaN where there is no forecast.
    train_prior : share of up labels in the training rows of each forecast, float64 (n,) or one for all.
    """
    is_known = np.isfinite(up) & np.isfinite(probability)
    label, forecast = up[is_known], probability[is_known]
    prior = np.broadcast_to(train_prior, up.shape)[is_known]
    measures: dict[str, Callable[[], Measure]] = {
        "log_loss": partial(classification.log_loss, label, forecast),
        "brier": partial(classification.brier, label, forecast),
        "brier_skill": partial(classification.brier_skill, label, forecast, train_prior=prior),
        "auc": partial(classification.auc, label, forecast),
        "mcc": partial(classification.mcc, label, forecast >= 0.5),
        "base_rate": partial(classification.base_rate, label),
    }
    if len(label) == 0:
        computed = dict.fromkeys(measures, Measure.undefined("too_short"))
    else:
        computed = {name: measure() for name, measure in measures.items()}
    return computed | {"n_labels": Measure.of(len(label))}


def _curve_measures(equity: FloatArray, period_returns: FloatArray, per_year: float) -> dict[str, Measure]:
    return {
        "total_return": returns.total_return(equity),
        "annual_return": returns.annual_return(equity, bars_per_year=per_year),
        "max_drawdown": returns.max_drawdown(equity),
        "sharpe_ratio": returns.sharpe_ratio(period_returns, bars_per_year=per_year),
        "sortino_ratio": returns.sortino_ratio(period_returns, bars_per_year=per_year),
        "calmar_ratio": returns.calmar_ratio(equity, bars_per_year=per_year),
        "recovery_factor": returns.recovery_factor(equity),
    }


def _trade_measures(account: Backtest) -> dict[str, Measure]:
    pnl = account.trades.pnl
    return {
        "win_rate": trades.win_rate(pnl),
        "profit_factor": trades.profit_factor(pnl),
        "expected_value": trades.expected_value(pnl),
        "expected_value_bps": trades.expected_value_bps(account.trades),
        "risk_reward_ratio": trades.risk_reward_ratio(pnl),
        "max_consecutive_losses": Measure.of(trades.max_consecutive_losses(pnl)),
        "avg_hold_bars": trades.avg_hold_bars(account.trades),
        "n_trades": Measure.of(len(account.trades)),
        "exposure": Measure.of(trades.exposure(account)),
        "turnover": Measure.of(trades.turnover(account)),
        "fees": Measure.of(float(account.trades.fees.sum())),
        "funding": Measure.of(float(account.trades.funding.sum())),
    }
