"""``lorentzian walkforward``: train and test window after window on this machine."""

from job.commands.results import results_console
from job.database import open_database
from job.errors import ExitCode
from job.execution.walkforward import run_walkforward
from job.report.terminal import print_summary
from job.settings.commands import WalkforwardCommand
from job.settings.sources import LoadedSettings


def run(loaded: LoadedSettings[WalkforwardCommand]) -> ExitCode:
    """Run the walk-forward and print its verdict."""
    settings = loaded.settings
    with open_database(settings.database) as conninfo:
        finished = run_walkforward(settings, conninfo)
    if not finished.is_new:
        print(
            f"Run {finished.run_id} is already done; nothing was changed. "
            f"`lorentzian finalize --run-id {finished.run_id}` counts trials that came later."
        )
    print_summary(finished.summary, results_console(), report=finished.report)
    print(f"Model: {finished.model} (the procedure fitted on the newest days; it has no test score of its own)")
    return ExitCode.DONE
