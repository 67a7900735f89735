"""``lorentzian compare``: two runs over the same windows, side by side."""

from job import interruption
from job.artifacts.opening import open_store
from job.commands.results import add_texts, results_console, results_table
from job.errors import DataError, ExitCode, NoDataError, UsageError
from job.evaluation.paired import Estimate
from job.intervals import format_utc_day
from job.records import EstimateRecord, MeasureRecord
from job.report.comparability import why_not_comparable
from job.report.comparison import Comparison, compare_runs
from job.report.numbers import (
    DASH,
    Form,
    count,
    daily_percent,
    percent,
    ratio,
    shown_estimate,
    signed_loss,
    signed_ratio,
)
from job.report.stored_run import open_stored_run
from job.settings.commands import CompareCommand
from job.settings.sources import LoadedSettings

NUM_RUNS = 2


def run(loaded: LoadedSettings[CompareCommand]) -> ExitCode:
    """Pair the runs and print the table."""
    settings = loaded.settings
    names = settings.compare.compared_runs
    if len(set(names)) != NUM_RUNS or len(names) != NUM_RUNS:
        raise UsageError("Two different runs are compared.", remedy="Name both: lorentzian compare RUN RUN")
    with interruption.at_once():
        store = open_store(settings.store.save_path)
        first, second = (open_stored_run(store, name) for name in names)
        reasons = why_not_comparable(first.plan, second.plan)
        if reasons:
            raise UsageError(
                f"Runs {names[0]} and {names[1]} cannot be compared: they differ in {'; '.join(reasons)}.",
                remedy="Compare runs of the same test windows, costs and data.",
            )
        try:
            comparison = compare_runs(first, second)
        except ValueError as error:
            raise DataError(
                f"Runs {names[0]} and {names[1]} cannot be compared: {error}.",
                remedy="Run one of them again on the data of the other.",
            ) from error
    if comparison is None:
        raise NoDataError(
            f"Runs {names[0]} and {names[1]} have no finished window in common.", remedy="Let them run first."
        )
    _print(comparison, names)
    return ExitCode.DONE


def _print(comparison: Comparison, names: tuple[str, ...]) -> None:
    print(f"A: {names[0]}\nB: {names[1]}")
    headers = ("window", "test from", "net A", "net B", "A less B", "Sharpe A", "Sharpe B", "A less B")
    table = results_table(
        *headers, title=f"{len(comparison.pairs)} windows of both, on the same bars at the same costs"
    )
    for pair in comparison.pairs:
        returns, sharpes = _cells(pair.total_return, percent), _cells(pair.sharpe_ratio, ratio)
        add_texts(table, str(pair.index), format_utc_day(pair.test_start_ms), *returns, *sharpes)
    results_console().print(table)
    if comparison.missing:
        print(f"Windows that one of the two has not finished: {', '.join(map(str, comparison.missing))}.")
    difference = comparison.difference
    print(f"A less B, paired over {count(comparison.num_days)} days, with 95 % intervals:")
    print(f"  mean daily return  {_shown(difference.daily_return, daily_percent)}")
    print(f"  Sharpe ratio       {_shown(difference.sharpe_ratio, signed_ratio)}")
    loss = difference.log_loss
    print(
        "  log-loss           "
        + (
            f"{DASH} (they learned different labels)"
            if loss is None
            else f"{_shown(loss, signed_loss)}; below 0, A is better"
        )
    )


def _cells(pair: tuple[MeasureRecord, MeasureRecord], form: Form) -> tuple[str, str, str]:
    first, second = (measure.value for measure in pair)
    lead = None if first is None or second is None else first - second
    shown = [DASH if value is None else form(value) for value in (first, second, lead)]
    return shown[0], shown[1], shown[2]


def _shown(estimate: Estimate, form: Form) -> str:
    value, interval = estimate.value, estimate.interval
    record = EstimateRecord(
        value=value.value, low=interval.low, high=interval.high, reason=value.reason or interval.reason
    )
    return shown_estimate(record, form)
