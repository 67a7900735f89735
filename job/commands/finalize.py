"""``lorentzian finalize``: end one run, or every run whose windows are all settled; open the days locked away.

A run that is named has its trials counted again; one that a sweep meets keeps the count that it has. A sweep that finds
nothing to do asks no database and loads nothing that trains or draws, so that it may come every few minutes.
"""

from collections.abc import Callable

import structlog

from job import interruption
from job.artifacts.keys import RunKeys
from job.artifacts.opening import open_store
from job.artifacts.store import ObjectStore
from job.commands.several import raise_worst
from job.database import open_database
from job.errors import ExitCode, Interrupted, JobError, UsageError
from job.run.attempt import now_ms
from job.run.finalized import finished_verdict, planned_runs
from job.run.plan import read_plan
from job.run.state import describe, window_states
from job.settings.commands import FinalizeCommand
from job.settings.sources import LoadedSettings


def run(loaded: LoadedSettings[FinalizeCommand]) -> ExitCode:
    """Finalize what was named."""
    settings = loaded.settings
    if settings.sweep.all == (settings.run.run_id is not None):
        raise UsageError("Name one run or all of them.", remedy="Give --run-id RUN, or --all.")
    if settings.sweep.all and settings.sweep.open_holdout:
        raise UsageError("Days that are locked away are opened for one run.", remedy="Give --run-id RUN.")
    if settings.run.run_id is None:
        _sweep(settings)
        return ExitCode.DONE
    with open_database(settings.database) as conninfo:
        from job.commands.finalize_run import finalize_named

        with structlog.contextvars.bound_contextvars(run_id=settings.run.run_id):
            finalize_named(settings, settings.run.run_id, conninfo)
    return ExitCode.DONE


def _sweep(settings: FinalizeCommand) -> None:
    """Every walk-forward under the save path; one that cannot be finalized does not keep the others from it."""
    store = open_store(settings.run.save_path)
    failed: dict[str, JobError] = {}
    due = [run_id for run_id in planned_runs(store) if _try(failed, run_id, lambda each: _is_due(store, each))]
    if due:
        with open_database(settings.database) as conninfo:
            from job.commands.finalize_run import finalize_met

            for run_id in due:
                _try(failed, run_id, lambda each: finalize_met(settings, each, conninfo))
    raise_worst(failed, what="Not finalized")


def _try(failed: dict[str, JobError], run_id: str, act: Callable[[str], bool | None]) -> bool:
    """Whether it was done, and said yes; an error is printed, and noted for the end."""
    interruption.check()
    try:
        with structlog.contextvars.bound_contextvars(run_id=run_id):
            return bool(act(run_id))
    except Interrupted:
        raise
    except JobError as error:
        print(f"{run_id}: {error.message}")
        failed[run_id] = error
        return False


def _is_due(store: ObjectStore, run_id: str) -> bool:
    """Whether a run waits for its finalizer; says so where it does not."""
    plan = read_plan(store, run_id)
    if plan is None or plan.kind != "walkforward":
        return False
    states = window_states(store, plan, now_ms=now_ms())
    is_ready = all(state.is_settled for state in states)
    verdict = finished_verdict(store, RunKeys(run_id), states) if is_ready else "not ready"
    if verdict is not None:
        print(f"{run_id}: {verdict}; {describe(states)}")
    return verdict is None
