"""``lorentzian window``: one window of a walk-forward, then a try at finalizing; what pods run."""

from functools import partial
from typing import TYPE_CHECKING

import structlog

from job.database import open_database
from job.errors import ExitCode, Interrupted, JobError, TransientError, UsageError
from job.execution.opening import address_of, open_run, plan_run
from job.execution.window_attempt import attempt_window
from job.records import PlanRecord
from job.run.cuts import data_days_for
from job.run.run import Run
from job.run.state import describe
from job.settings.commands import WindowCommand
from job.settings.operation import IndexSettings
from job.settings.sources import LoadedSettings

if TYPE_CHECKING:
    from job.execution.finalize import Finalization


def run(loaded: LoadedSettings[WindowCommand]) -> ExitCode:
    """Run the window of this index, and finalize the run where it was the last, whatever became of it."""
    settings = loaded.settings
    index = settings.index.index
    if index is None:
        raise UsageError("No window was named.", remedy="Give --index, or run it in an Indexed Job.")
    told = structlog.contextvars.bound_contextvars(run_id=settings.run.run_id, window_index=index)
    with told, open_database(settings.database) as conninfo:
        plan = plan_run(settings, conninfo, accept=partial(_check_fits, settings.index))
        structlog.contextvars.bind_contextvars(run_id=plan.run_id)
        opened = open_run(address_of(settings, plan, conninfo))
        try:
            is_new = attempt_window(
                opened,
                index,
                max_attempts=settings.index.attempts,
                num_failures=settings.index.index_failures,
            )
        except Interrupted:
            raise
        except Exception:
            # The window's own error is what its pod ends with, whatever the finalizer meets.
            _try_to_finalize(opened, raised=(Interrupted,))
            raise
        # A window that is done stays done: only what another start of the pod may mend ends it with an error.
        finalization = _try_to_finalize(opened, raised=(Interrupted, TransientError))
    print(f"Window {index} of run {plan.run_id} is done{'' if is_new else ' already'}.")
    if finalization is not None:
        print(f"Run: {describe(finalization.states)}{', finalized' if finalization.summary is not None else ''}.")
    return ExitCode.DONE


def _check_fits(index: IndexSettings, plan: PlanRecord) -> None:
    """Refuse a plan that has another number of windows than the Job has indexes, or no window of this index."""
    num_windows, days = len(plan.windows), plan.procedure.windows
    if index.completions is not None and index.completions != num_windows:
        raise UsageError(
            f"The Job has {index.completions} completions, and the data and days of run {plan.run_id} make "
            f"{num_windows} windows.",
            remedy=f"Set the Job's completions to {num_windows}, or --data-days to "
            f"{data_days_for(days, index.completions)}, with as many days of features in the database.",
        )
    if index.index is not None and index.index >= num_windows:
        raise UsageError(
            f"Index {index.index} is past the plan of run {plan.run_id}, which has {num_windows} windows.",
            remedy=f"Set the Job's completions to {num_windows}, or --data-days to "
            f"{data_days_for(days, index.index + 1)}, with as many days of features in the database.",
        )


def _try_to_finalize(opened: Run, *, raised: tuple[type[JobError], ...]) -> "Finalization | None":
    """Finalize the run if it is ready; what hinders it is logged, except for the errors that are raised."""
    from job.execution.finalize import finalize  # what draws and tabulates: seconds that no window waits for

    try:
        return finalize(opened)
    except raised:
        raise
    except Exception as error:  # noqa: BLE001 - a sweeper will meet it again, and end with it
        structlog.get_logger().warning(
            "run_not_finalized",
            run_id=opened.plan.run_id,
            reason=error.message if isinstance(error, JobError) else f"{type(error).__name__}: {error}",
            remedy=f"Run `lorentzian finalize --run-id {opened.plan.run_id}` with the same --save-path.",
        )
        return None
