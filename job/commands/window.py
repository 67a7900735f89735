"""``lorentzian window``: one window of a walk-forward, then a try at finalizing; what pods run."""

from job.database import open_database
from job.errors import ExitCode, UsageError
from job.execution.finalize import finalize
from job.execution.opening import address_of, open_run, plan_run
from job.execution.window_attempt import attempt_window
from job.run.state import describe
from job.settings.commands import WindowCommand
from job.settings.sources import LoadedSettings


def run(loaded: LoadedSettings[WindowCommand]) -> ExitCode:
    """Run the window of this index, and finalize the run where it was the last."""
    settings = loaded.settings
    index = settings.index.index
    if index is None:
        raise UsageError("No window was named.", remedy="Give --index, or run it in an Indexed Job.")
    with open_database(settings.database) as conninfo:
        plan = plan_run(settings, conninfo)
        if index >= len(plan.windows):
            raise UsageError(
                f"Index {index} is past the plan of run {plan.run_id}, which has {len(plan.windows)} windows.",
                remedy=f"Set the Job's completions to {len(plan.windows)}, or --data-days to more days.",
            )
        opened = open_run(address_of(settings, plan, conninfo))
        is_new = attempt_window(opened, index, max_attempts=settings.index.attempts)
        finalization = finalize(opened)
    print(f"Window {index} of run {plan.run_id} is done{'' if is_new else ' already'}.")
    print(f"Run: {describe(finalization.states)}{', finalized' if finalization.summary is not None else ''}.")
    return ExitCode.DONE
