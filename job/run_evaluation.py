"""A run as a whole: its windows stitched, compared with rules that have no skill, deflated, and judged. Pure."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from job.arrays import FloatArray, IntArray
from job.backtest.account import Backtest
from job.backtest.funding import FundingDays, funding_days
from job.comparison import compare
from job.evaluation.bootstrap import DayDraws, Interval, draw_days, sharpe_interval
from job.evaluation.break_even import break_even_bps
from job.evaluation.daily import utc_daily_returns
from job.evaluation.deflation import Deflation, deflate
from job.evaluation.lines import ForecastLine, ModelLine
from job.evaluation.measure import Measure
from job.evaluation.paired import Difference
from job.evaluation.performance import forecast_measures, headline_measures, planned_measures
from job.evaluation.random_signals import RandomSignals, draw_random_signals
from job.evaluation.sharpe import min_track_record_days, psr
from job.evaluation.spa import no_skill_p_value
from job.evaluation.verdict import Findings, Verdict, judge
from job.records import NO_SKILL_RULES, NullWorldRecord, PlanRecord, WindowRecord
from job.replay import JoinedTests, join_tests, net_return_at, replay
from job.robustness.examination import Robustness, examine
from job.rules import trading_rules
from job.run.ledger import Trial, align, procedure_hash
from job.window_results import WindowSeries

NUM_THREADS = 2  # numpy lets go of the interpreter; each result is a function of its own arguments, whoever is first
SIGNALS_STREAM = 1  # beside the stream of the redrawn days from the same seed


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
    tests : their test slices.
    day : int64 (n_days,), start of each tested UTC day in milliseconds.
    daily : daily returns by model or rule, float64 (n_days,).
    draws : redrawn days, shared by all that is redrawn.
    findings : the headline numbers that the verdict weighs.
    deflation : the traded model's result among all trials.
    num_trials_of_symbol : those of the trials that trade this symbol.
    num_attempts : models that this procedure has had read one and the same test; 1 unless a retry trained another.
    differences : the traded model less each other model or rule, the simplest first.
    forecast, model : the lines beside the verdict.
    robustness : what else the result went through.
    funding_days : how many of the tested days have funding.
    """

    models: dict[str, ModelEvaluation]
    traded: str
    windows: tuple[WindowRecord, ...]
    tests: JoinedTests
    day: IntArray
    daily: dict[str, FloatArray]
    draws: DayDraws
    findings: Findings
    psr: Measure
    deflation: Deflation
    num_trials_of_symbol: int
    num_attempts: int
    differences: dict[str, Difference]
    random_signals: RandomSignals
    verdict: Verdict
    forecast: ForecastLine
    model: ModelLine
    robustness: Robustness
    funding_days: FundingDays


@dataclass(frozen=True, kw_only=True)
class _Curves:
    """The stitched account of every model and rule, on the same days; fields as in `RunEvaluation`."""

    traded: str
    accounts: dict[str, Backtest]
    day: IntArray
    daily: dict[str, FloatArray]
    draws: DayDraws


def evaluate_run(
    plan: PlanRecord,
    windows: tuple[WindowRecord, ...],
    series: tuple[WindowSeries, ...],
    trials: list[Trial],
    *,
    null_worlds: tuple[NullWorldRecord, ...] = (),
) -> RunEvaluation:
    """Stitch, measure and judge.

    Parameters
    ----------
    windows, series : of the windows that finished, in time order, at least one.
    trials : every procedure that has read a test overlapping these, this one included. Without a ledger there is
        none, and the run counts as its own only trial.
    null_worlds : what the procedure made of markets in which nothing can be forecast, where that was asked for.
    """
    tests = join_tests(series)
    curves = _stitch(plan, windows[0], tests)
    traded, own = curves.traded, curves.daily[curves.traded]
    main, names = _model(plan, traded, curves, tests), list(curves.accounts)
    with ThreadPoolExecutor(max_workers=NUM_THREADS) as threads:
        examining = threads.submit(
            examine,
            plan,
            windows,
            tests,
            account=main.account,
            daily=own,
            draws=curves.draws,
            sharpe=main.measures["sharpe_ratio"],
            null_worlds=null_worlds,
        )
        comparing = threads.submit(
            compare,
            traded,
            tests,
            day=curves.day,
            daily=curves.daily,
            draws=curves.draws,
            subject=plan.procedure.label.subject,
        )
        measured = threads.map(lambda name: main if name == traded else _model(plan, name, curves, tests), names)
        deflation = deflate(own, align(trials, curves.day), num_trials=max(1, len(trials)))
        signals = _random_signals(plan, tests, main.account)
        findings = _findings(plan, tests, curves, main=main, deflation=deflation, signals=signals)
        compared, robustness = comparing.result(), examining.result()
        models = dict(zip(names, measured, strict=True))
    return RunEvaluation(
        models=models,
        traded=traded,
        windows=windows,
        tests=tests,
        day=curves.day,
        daily=curves.daily,
        draws=curves.draws,
        findings=findings,
        psr=psr(own),
        deflation=deflation,
        num_trials_of_symbol=max(1, sum(trial.symbol == plan.procedure.market.symbol for trial in trials)),
        num_attempts=_num_attempts(plan, trials),
        differences=compared.differences,
        random_signals=signals,
        verdict=judge(findings),
        forecast=compared.forecast,
        model=compared.model,
        robustness=robustness,
        funding_days=funding_days(tests.windows),
    )


def _stitch(plan: PlanRecord, first: WindowRecord, tests: JoinedTests) -> _Curves:
    """Every model and rule that has a stored position or needs none."""
    rules, traded = trading_rules(plan.procedure), first.traded_model
    names = dict.fromkeys((*first.models, *tests.position, *NO_SKILL_RULES))
    accounts = {name: replay(tests, name, rules) for name in names}
    daily = {name: utc_daily_returns(account) for name, account in accounts.items()}
    return _Curves(
        traded=traded,
        accounts=accounts,
        day=daily[traded].day,
        daily={name: returns.value for name, returns in daily.items()},
        draws=draw_days(daily[traded].value, rng=np.random.default_rng(plan.procedure.model.seed)),
    )


def _model(plan: PlanRecord, name: str, curves: _Curves, tests: JoinedTests) -> ModelEvaluation:
    account = curves.accounts[name]
    return ModelEvaluation(
        account=account,
        measures=headline_measures(account) | _planned(plan, name) | _pooled_forecasts(name, tests),
        sharpe_interval=sharpe_interval(curves.daily[name], curves.draws),
    )


def _planned(plan: PlanRecord, name: str) -> dict[str, Measure]:
    """What was planned of a trade; the rules without skill have no exits, see `job.replay`."""
    strategy = plan.procedure.strategy
    if name in NO_SKILL_RULES:
        return planned_measures(stop=None, take=None)
    return planned_measures(stop=strategy.stop_loss_atr, take=strategy.take_profit_atr)


def _pooled_forecasts(name: str, tests: JoinedTests) -> dict[str, Measure]:
    if name not in tests.probability:
        return {}
    measures = forecast_measures(tests.up, tests.probability[name], train_prior=0.5)
    # Each window has a prior of its own: the skill of pooled forecasts has no single one to be measured against.
    del measures["brier_skill"]
    return measures


def _random_signals(plan: PlanRecord, tests: JoinedTests, account: Backtest) -> RandomSignals:
    return draw_random_signals(
        tests.windows,
        account,
        costs=trading_rules(plan.procedure).costs,
        rng=np.random.default_rng([plan.procedure.model.seed, SIGNALS_STREAM]),
    )


def _findings(
    plan: PlanRecord,
    tests: JoinedTests,
    curves: _Curves,
    *,
    main: ModelEvaluation,
    deflation: Deflation,
    signals: RandomSignals,
) -> Findings:
    """What the verdict weighs of the traded model."""
    rules, own = trading_rules(plan.procedure), curves.daily[curves.traded]
    no_skill = [curves.daily[rule] for rule in NO_SKILL_RULES] + [signals.median_daily_returns]
    return Findings(
        num_days=len(own),
        num_trades=len(main.account.trades),
        total_return=main.measures["total_return"].rank,
        sharpe=main.measures["sharpe_ratio"],
        sharpe_interval=main.sharpe_interval,
        num_trials=deflation.num_trials,
        effective_trials=deflation.effective_trials,
        dsr=deflation.dsr,
        no_skill_p=no_skill_p_value(own, np.stack(no_skill), curves.draws),
        min_track_record_days=min_track_record_days(own),
        break_even_bps=break_even_bps(net_return_at(tests, curves.traded, rules)),
        cost_bps=rules.costs.per_side_bps,
        flags=plan.procedure.flags,
        collect_flags=plan.procedure.collect_flags,
    )


def _num_attempts(plan: PlanRecord, trials: list[Trial]) -> int:
    own = procedure_hash(plan.procedure, plan.feature_set)
    return next((trial.num_attempts for trial in trials if trial.procedure == own), 1)
