"""``lorentzian report --all``: every procedure's newest run, the best first, each held against the luck of all."""

from job import interruption
from job.artifacts.opening import open_store
from job.commands.required import check_verdict
from job.commands.results import add_texts, results_console, results_table
from job.errors import ConfigError, ExitCode, UsageError
from job.evaluation.measure import Measure
from job.records import MeasureRecord
from job.report.numbers import Form, count, probability, ratio, shown, shown_interval
from job.report.ranking import Ranked, Ranking, luck_sentence, rank_runs
from job.report.stored_run import NO_RUN_REMEDY
from job.settings.commands import ReportCommand

COUNTED = (
    "DSR: the chance that the Sharpe ratio is more than the best of all trials would show by luck. p x N: the chance "
    "of such a lead over rules without skill, times the number of trials. Both count the trials that the ledger holds "
    "now, and so does the verdict."
)


def report_all(settings: ReportCommand) -> ExitCode:
    """Print the ranking, and fail where the best verdict is less than required."""
    if settings.report.reported_run is not None or settings.run.run_id is not None or settings.report.html is not None:
        raise UsageError(
            "All runs are ranked, so none can be named, and there is no page of them.", remedy="Give --all alone."
        )
    with interruption.at_once():
        store = open_store(settings.run.save_path)
        ledger = store if settings.run.ledger is None else open_store(settings.run.ledger)
        ranking = rank_runs(store, ledger)
    _print(ranking, store.location)
    if not ranking.runs:
        raise ConfigError(f"There is no finished run to rank under {store.location}.", remedy=NO_RUN_REMEDY)
    best = ranking.runs[0]
    check_verdict(
        best.verdict.verdict, settings.report.require, of=f"the best, {best.run_id},", remedy=best.verdict.settle
    )
    return ExitCode.DONE


def _print(ranking: Ranking, location: str) -> None:
    if ranking.runs:
        title = f"The newest run of each of {count(len(ranking.runs))} procedures under {location}, the best first"
        table = results_table("run", "market", "days", "Sharpe", "95 %", "DSR", "p x N", "verdict", title=title)
        for run in ranking.runs:
            add_texts(table, *_cells(run))
        results_console().print(table)
        print(COUNTED)
        for sentence in (luck_sentence(ranking), f"The first: {ranking.runs[0].verdict.reason}"):
            if sentence:
                print(sentence)
    for run_id, reason in ranking.unread.items():
        print(f"Not ranked: {run_id}. {reason}")


def _cells(run: Ranked) -> tuple[str, ...]:
    summary, verdict = run.summary, run.verdict.verdict
    was = "" if summary.verdict == verdict else f" (was {summary.verdict})"
    return (
        run.run_id,
        f"{summary.symbol} {summary.interval}",
        count(summary.num_days),
        _shown(run.sharpe, ratio),
        shown_interval(summary.models[summary.traded_model].sharpe_interval),
        _shown(run.deflation.dsr, probability),
        _shown(run.no_skill_p, probability),
        verdict + was,
    )


def _shown(measure: Measure, form: Form) -> str:
    return shown(MeasureRecord(value=measure.value, reason=measure.reason), form)
