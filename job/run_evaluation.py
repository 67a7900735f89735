"""A run as a whole: its windows stitched, compared with rules that have no skill, deflated, and judged. Pure."""

from dataclasses import dataclass

import numpy as np

from job.backtest.account import Backtest
from job.evaluation.bootstrap import DayDraws, Interval, confidence_interval, draw_days, sharpe_along_days
from job.evaluation.break_even import break_even_bps
from job.evaluation.daily import utc_daily_returns
from job.evaluation.measure import Measure
from job.evaluation.performance import forecast_measures, headline_measures
from job.evaluation.sharpe import dsr, min_track_record_days, psr
from job.evaluation.spa import no_skill_p_value
from job.evaluation.verdict import Findings, Verdict, judge
from job.intervals import YEAR_DAYS
from job.records import PlanRecord, WindowRecord
from job.replay import NO_SKILL_RULES, net_return_at, replay
from job.rules import trading_rules
from job.run.ledger import Trial
from job.window_results import WindowSeries

# Enough days for the block length and the interval to mean anything; below, both are undefined.
MIN_DAYS_TO_DRAW = 10


@dataclass(frozen=True, kw_only=True)
class ModelEvaluation:
    """One model or rule over the stitched tests."""

    account: Backtest
    measures: dict[str, Measure]
    sharpe_interval: Interval


@dataclass(frozen=True, kw_only=True)
class RunEvaluation:
    """Everything that the summary, the report and the pictures are made of.

    Parameters
    ----------
    models : the traded model, the baselines and the rules without skill, by name.
    traded : name of the traded model.
    windows : records of the windows that finished, in order.
    findings : the headline numbers that the verdict weighs.
    """

    models: dict[str, ModelEvaluation]
    traded: str
    windows: tuple[WindowRecord, ...]
    findings: Findings
    psr: Measure
    verdict: Verdict


def evaluate_run(
    plan: PlanRecord, windows: tuple[WindowRecord, ...], series: tuple[WindowSeries, ...], trials: list[Trial]
) -> RunEvaluation:
    """Stitch, measure and judge.

    Parameters
    ----------
    windows, series : of the windows that finished, in time order, at least one.
    trials : every procedure that has read a test overlapping these, this one included.
    """
    rules = trading_rules(plan.procedure)
    traded = windows[0].traded_model
    accounts = {name: replay(series, name, rules) for name in (*windows[0].models, *NO_SKILL_RULES)}
    daily = {name: utc_daily_returns(account).value for name, account in accounts.items()}
    draws = _draws(daily[traded], seed=plan.procedure.model.seed)
    models = {
        name: ModelEvaluation(
            account=account,
            measures=headline_measures(account) | _pooled_forecasts(name, series),
            sharpe_interval=_sharpe_interval(daily[name], draws),
        )
        for name, account in accounts.items()
    }
    main = models[traded]
    findings = Findings(
        num_days=len(daily[traded]),
        num_trades=len(main.account.trades),
        total_return=main.measures["total_return"].rank,
        sharpe=main.measures["sharpe_ratio"],
        sharpe_interval=main.sharpe_interval,
        num_trials=len(trials),
        dsr=dsr(daily[traded], num_trials=len(trials), trial_sharpes=_daily_sharpes(trials)),
        no_skill_p=_no_skill_p(daily, traded, draws),
        min_track_record_days=min_track_record_days(daily[traded]),
        break_even_bps=break_even_bps(net_return_at(series, traded, rules)),
        cost_bps=rules.costs.per_side_bps,
    )
    return RunEvaluation(
        models=models,
        traded=traded,
        windows=windows,
        findings=findings,
        psr=psr(daily[traded]),
        verdict=judge(findings),
    )


def _pooled_forecasts(name: str, series: tuple[WindowSeries, ...]) -> dict[str, Measure]:
    if name in NO_SKILL_RULES:
        return {}
    up = np.concatenate([s.up for s in series])
    probability = np.concatenate([s.probability[name] for s in series])
    measures = forecast_measures(up, probability, train_prior=0.5)
    # Each window has a prior of its own: the skill of pooled forecasts has no single one to be measured against.
    del measures["brier_skill"]
    return measures


def _draws(daily: np.ndarray, *, seed: int) -> DayDraws | None:
    if len(daily) < MIN_DAYS_TO_DRAW:
        return None
    return draw_days(daily, rng=np.random.default_rng(seed))


def _sharpe_interval(daily: np.ndarray, draws: DayDraws | None) -> Interval:
    if draws is None:
        return Interval(low=None, high=None, reason="too_short")
    if np.ptp(daily) == 0:
        return Interval(low=None, high=None, reason="zero_variance")
    return confidence_interval(lambda r: sharpe_along_days(r, bars_per_year=YEAR_DAYS), daily, draws)


def _no_skill_p(daily: dict[str, np.ndarray], traded: str, draws: DayDraws | None) -> Measure:
    if draws is None:
        return Measure.undefined("too_short")
    return no_skill_p_value(daily[traded], np.stack([daily[rule] for rule in NO_SKILL_RULES]), draws)


def _daily_sharpes(trials: list[Trial]) -> np.ndarray:
    with_result = [t.daily_returns for t in trials if len(t.daily_returns) > 1]
    return np.array([sharpe_along_days(r, bars_per_year=1.0) for r in with_result])
