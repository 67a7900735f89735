"""``lorentzian report``: what a finished run found, or all of them side by side, from what they stored."""

from pathlib import Path

from job import interruption
from job.artifacts.opening import open_store
from job.commands.holdout_result import print_holdout
from job.commands.output_file import write_file
from job.commands.report_all import report_all
from job.commands.required import check_verdict
from job.commands.results import results_console
from job.errors import ConfigError, ExitCode, UsageError
from job.report.stored_run import newest_run_id, open_stored_run
from job.report.terminal import print_report
from job.settings.commands import ReportCommand
from job.settings.sources import LoadedSettings


def run(loaded: LoadedSettings[ReportCommand]) -> ExitCode:
    """Print the report, write the page where that was asked for, and fail where the verdict is less than required."""
    settings = loaded.settings
    if settings.report.all:
        return report_all(settings)
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
    check_verdict(summary.verdict, settings.report.require, of=f"run {stored.plan.run_id}", remedy=summary.next)
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
        write_file(Path(path), page)
    except OSError as error:
        raise ConfigError(
            f"The page cannot be written to {path}: {error.strerror}.", remedy="Check the folder."
        ) from error
    print(f"Page: {path}")
