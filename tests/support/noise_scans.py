"""Scans of markets in which nothing can be forecast, as what a ledger would hold of them: daily returns, and verdicts.

What is simulated: each symbol's run has a daily net return without any mean, with fat tails (Student's t, 4 degrees of
freedom) and a part that all symbols share; every run is a trial of the others. What is not: prices, models, thresholds
and costs, which on noise make the mean negative, and so the scan easier to pass. The verdicts are the product's own.
"""

from dataclasses import dataclass

import numpy as np

from job.arrays import FloatArray
from job.evaluation.bootstrap import draw_days, sharpe_interval
from job.evaluation.effective_trials import effective_trials
from job.evaluation.measure import Measure
from job.evaluation.returns import sharpe_ratio
from job.evaluation.sharpe import dsr, min_track_record_days
from job.evaluation.verdict import MIN_DSR, Findings, judge
from job.intervals import YEAR_DAYS

DEGREES_OF_FREEDOM = 4
DAILY_DEVIATION = 0.02


@dataclass(frozen=True, kw_only=True)
class ScanEnd:
    """How many symbols of one scan would be promoted under ``--when weak``.

    Parameters
    ----------
    counted : each judged among all of the scan's trials, as `lorentzian promote` does.
    as_it_went : each judged among itself and those before it, as its run was when it was finalized.
    alone : those whose deflated probability suffices where each is taken for the only trial.
    """

    counted: int
    as_it_went: int
    alone: int


def noise_returns(rng: np.random.Generator, *, num_symbols: int, num_days: int, correlation: float) -> FloatArray:
    """Daily returns without a mean, float64 (num_symbols, num_days); every pair has the correlation."""
    shared = rng.standard_t(DEGREES_OF_FREEDOM, num_days)
    own = rng.standard_t(DEGREES_OF_FREEDOM, (num_symbols, num_days))
    returns: FloatArray = DAILY_DEVIATION * (np.sqrt(correlation) * shared + np.sqrt(1 - correlation) * own)
    return returns


def end_of_scan(returns: FloatArray) -> ScanEnd:
    """Judge every symbol of a scan, float64 (num_symbols, num_days)."""
    sharpes = np.array([_sharpe(own, periods=1.0).rank for own in returns])
    effective = effective_trials(len(returns), returns)
    return ScanEnd(
        counted=sum(_is_promoted(own, num_trials=effective, trial_sharpes=sharpes) for own in returns),
        as_it_went=sum(
            _is_promoted(own, num_trials=effective_trials(number, returns[:number]), trial_sharpes=sharpes[:number])
            for number, own in enumerate(returns, start=1)
        ),
        alone=sum(dsr(own, num_trials=1, trial_sharpes=np.empty(0)).rank >= MIN_DSR for own in returns),
    )


def _sharpe(own: FloatArray, *, periods: float) -> Measure:
    return sharpe_ratio(own, bars_per_year=periods)


def _is_promoted(own: FloatArray, *, num_trials: float, trial_sharpes: FloatArray) -> bool:
    """As `job.report.ranking` judges a run; its bootstrap only where the rest does not decide."""
    deflated = dsr(own, num_trials=num_trials, trial_sharpes=trial_sharpes)
    if deflated.rank < MIN_DSR:
        return False
    findings = Findings(
        num_days=len(own),
        num_trades=len(own),
        total_return=float(np.prod(1 + own) - 1),
        sharpe=_sharpe(own, periods=YEAR_DAYS),
        sharpe_interval=sharpe_interval(own, draw_days(own, rng=np.random.default_rng(0))),
        num_trials=max(1, len(trial_sharpes)),
        effective_trials=num_trials,
        dsr=deflated,
        no_skill_p=Measure.of(1.0),  # what it says parts weak from evidence, and both are promoted
        min_track_record_days=min_track_record_days(own),
        break_even_bps=Measure.undefined("no_edge_before_costs"),
        cost_bps=7.0,
    )
    return judge(findings).verdict != "no evidence"
