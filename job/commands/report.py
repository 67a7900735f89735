"""``lorentzian report``: what a finished run found, from what it stored."""

from pathlib import Path

from job import interruption
from job.artifacts.opening import open_store
from job.commands.holdout_result import print_holdout
from job.commands.results import results_console
from job.errors import CheckFailed, ConfigError, ExitCode, UsageError
from job.records import SummaryRecord
from job.report.stored_run import newest_run_id, open_stored_run
from job.report.terminal import print_report
from job.settings.commands import ReportCommand
from job.settings.sources import LoadedSettings

WEAKEST_FIRST = ("no evidence", "weak", "evidence")


def run(loaded: LoadedSettings[ReportCommand]) -> ExitCode:
    """Print the report, write the page where that was asked for, and fail where the verdict is less than required."""
    settings = loaded.settings
    with interruption.at_once():
        store = open_store(settings.run.save_path)
        stored = open_stored_run(store, _named(settings) or newest_run_id(store))
        summary = stored.summary()
        holdout = stored.holdout()
        page = stored.page() if settings.report.html is not None else b""
    print_report(summary, results_console(), report=f"{store.location}/{stored.keys.report}")
    if holdout is not None:
        print_holdout(holdout, f"{store.location}/{stored.keys.holdout}")
    if settings.report.html is not None:
        _write(settings.report.html, page)
    _check(summary, settings.report.require, run_id=stored.plan.run_id)
    return ExitCode.DONE


def _named(settings: ReportCommand) -> str | None:
    names = {name for name in (settings.report.reported_run, settings.run.run_id) if name is not None}
    if len(names) > 1:
        raise UsageError(
            f"Two runs were named: {', '.join(sorted(names))}.", remedy="Name one, as RUN or with --run-id."
        )
    return names.pop() if names else None


def _write(path: str, page: bytes) -> None:
    try:
        Path(path).write_bytes(page)
    except OSError as error:
        raise ConfigError(
            f"The page cannot be written to {path}: {error.strerror}.", remedy="Check the folder."
        ) from error
    print(f"Page: {path}")


def _check(summary: SummaryRecord, required: str | None, *, run_id: str) -> None:
    if required is not None and WEAKEST_FIRST.index(summary.verdict) < WEAKEST_FIRST.index(required):
        raise CheckFailed(
            f"The verdict of run {run_id} is {summary.verdict!r}, and {required!r} was required.", remedy=summary.next
        )
