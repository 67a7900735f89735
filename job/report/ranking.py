"""Finished runs side by side, each held against the luck of all that were tried: what a scan of markets is read from.

The best of fifty markets without skill looks like skill. So every result is judged by the rule of the verdict as if it
were finalized now: its Sharpe ratio is deflated by all trials that the ledger holds over its days by now, and its
p-value against the rules without skill is multiplied by their number (Bonferroni), which holds however the markets move
together.

References
----------
Dunn (1961), "Multiple Comparisons Among Means": the Bonferroni bound.
"""

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import cast

from job.artifacts.store import ObjectStore
from job.errors import ConfigError, DataError, TransientError
from job.evaluation.bootstrap import Interval
from job.evaluation.deflation import Deflation, deflate
from job.evaluation.measure import Measure, Reason
from job.evaluation.verdict import Findings, Verdict, judge
from job.records import MeasureRecord, ProcedureRecord, SummaryRecord
from job.report.numbers import count, ratio
from job.report.stored_run import StoredRun
from job.run.index import indexed_runs
from job.run.ledger import Trial, align, check_noted, procedure_hash, trials_over
from job.run.ledger_results import NUM_READERS
from job.run.plan import read_plan
from job.windows import Span

BEST_FIRST = ("evidence", "weak", "no evidence")


@dataclass(frozen=True, kw_only=True)
class Ranked:
    """A run among all trials.

    Parameters
    ----------
    run_id, summary : of the run, as it was finalized.
    deflation : its result among the trials that the ledger holds now.
    no_skill_p : its p-value times their number, at most 1.
    verdict : by the rule of the verdict, from these.
    """

    run_id: str
    summary: SummaryRecord
    deflation: Deflation
    no_skill_p: Measure
    verdict: Verdict

    @property
    def sharpe(self) -> Measure:
        """Annual, of the traded model."""
        return _measure(self.summary.models[self.summary.traded_model].measures["sharpe_ratio"])


@dataclass(frozen=True, kw_only=True)
class Ranking:
    """Runs, the best first; those that could not be read, and why."""

    runs: tuple[Ranked, ...]
    unread: Mapping[str, str]


def rank_runs(store: ObjectStore, ledger: ObjectStore) -> Ranking:
    """The newest finished walk-forward of every procedure, judged among all trials; none where none is finished."""
    unread: dict[str, str] = {}
    trials_on = lru_cache(maxsize=None)(partial(trials_over, ledger))  # of one scan all runs have the same days
    ranked = []
    for stored in _newest_of_each(store):
        try:
            ranked.append(_ranked(stored, ledger, trials_on))
        except (ConfigError, DataError, TransientError) as error:
            unread[stored.plan.run_id] = str(error)
    return Ranking(runs=tuple(sorted(ranked, key=_place)), unread=unread)


def verdict_among(stored: StoredRun, ledger: ObjectStore) -> Ranked:
    """One run, judged among all trials.

    Raises
    ------
    TransientError
        Where it is not finalized yet.
    ConfigError
        Where the ledger does not hold its readings.
    DataError
        Where an object of its result is not what the manifest says.
    """
    return _ranked(stored, ledger, partial(trials_over, ledger))


def luck_sentence(ranking: Ranking) -> str:
    """What the best of so many would show without any skill, beside what it shows; empty where nothing traded."""
    traded = [run for run in ranking.runs if run.sharpe.value is not None]
    if not traded:
        return ""
    best = max(traded, key=lambda run: run.sharpe.rank)
    luck, days = best.deflation.luck_sharpe, count(best.summary.num_days)
    of = f"The best Sharpe ratio here is {ratio(best.sharpe.rank)}, of {best.summary.symbol} over {days} days."
    if luck.value is None:
        return of
    number = count(best.deflation.num_trials)
    return (
        f"{of} Without any skill, the best of the {number} trials that have read these days, worth "
        f"{best.deflation.effective_trials:.3g} independent ones, would be expected to show {ratio(luck.value)}."
    )


def _newest_of_each(store: ObjectStore) -> list[StoredRun]:
    """Of runs of one procedure the last planned: the others are its past, not other trials."""
    finished = [run for run in indexed_runs(store).values() if run.state == "finished" and run.kind == "walkforward"]
    oldest_first = sorted(finished, key=lambda run: (run.created_at_ms, run.run_id))
    with ThreadPoolExecutor(max_workers=NUM_READERS) as readers:
        plans = list(readers.map(lambda run: read_plan(store, run.run_id), oldest_first))
    newest = {procedure_hash(plan.procedure, plan.feature_set): plan for plan in plans if plan is not None}
    return [StoredRun(store=store, plan=plan) for plan in newest.values()]


def _ranked(stored: StoredRun, ledger: ObjectStore, trials_on: Callable[[Span], list[Trial]]) -> Ranked:
    summary, curves = stored.summary(), stored.curves()
    trials = trials_on(Span(start_ms=summary.first_test_ms, end_ms=summary.last_test_ms))
    check_noted(ledger, stored.plan, trials)
    returns = curves.daily[summary.traded_model]
    deflation = deflate(returns, align(trials, curves.day_ms), num_trials=len(trials))
    no_skill_p = _times(_measure(summary.spa_p), len(trials))
    findings = _findings(summary, deflation, no_skill_p, procedure=stored.plan.procedure)
    return Ranked(
        run_id=stored.plan.run_id,
        summary=summary,
        deflation=deflation,
        no_skill_p=no_skill_p,
        verdict=judge(findings),
    )


def _findings(
    summary: SummaryRecord, deflation: Deflation, no_skill_p: Measure, *, procedure: ProcedureRecord
) -> Findings:
    traded = summary.models[summary.traded_model]
    interval = traded.sharpe_interval
    return Findings(
        num_days=summary.num_days,
        num_trades=round(_measure(traded.measures["n_trades"]).rank),
        total_return=_measure(traded.measures["total_return"]).rank,
        sharpe=_measure(traded.measures["sharpe_ratio"]),
        sharpe_interval=Interval(low=interval.low, high=interval.high, reason=cast(Reason | None, interval.reason)),
        num_trials=deflation.num_trials,
        effective_trials=deflation.effective_trials,
        dsr=deflation.dsr,
        no_skill_p=no_skill_p,
        min_track_record_days=_measure(summary.min_track_record_days),
        break_even_bps=_measure(summary.break_even_bps),
        cost_bps=summary.assumed_cost_bps,
        flags=procedure.flags,
        collect_flags=procedure.collect_flags,
    )


def _place(run: Ranked) -> tuple[int, float, float, str]:
    """Best first: by the word, by how likely it is more than luck, by the ratio itself."""
    return BEST_FIRST.index(run.verdict.verdict), -run.deflation.dsr.rank, -run.sharpe.rank, run.run_id


def _times(p_value: Measure, number: int) -> Measure:
    return p_value if p_value.value is None else Measure.of(min(1.0, p_value.value * number))


def _measure(record: MeasureRecord) -> Measure:
    return Measure(record.value, cast(Reason | None, record.reason))
