"""``lorentzian finalize``: end one run, or every run whose windows are all settled; open the days locked away.

A run that is named has its trials counted again; one that a sweep meets keeps the count that it has.
"""

from job.artifacts.opening import open_store
from job.artifacts.store import ObjectStore
from job.commands.holdout_result import print_holdout
from job.database import open_database
from job.errors import ExitCode, Interrupted, JobError, TransientError, UsageError
from job.execution.finalize import finalize, planned_runs
from job.execution.holdout import open_holdout
from job.execution.opening import open_run
from job.progress import track
from job.run.address import RunAddress
from job.run.plan import read_plan
from job.run.run import Run
from job.run.state import describe
from job.settings.commands import FinalizeCommand
from job.settings.sources import LoadedSettings

# What a sweep that met several errors ends with: what needs a person most, and last what time may mend.
WORST_FIRST = (
    ExitCode.BUG,
    ExitCode.CONFIG,
    ExitCode.USAGE,
    ExitCode.CHECK_FAILED,
    ExitCode.NO_GPU,
    ExitCode.DATA,
    ExitCode.NO_DATA,
    ExitCode.UNAVAILABLE,
)


def run(loaded: LoadedSettings[FinalizeCommand]) -> ExitCode:
    """Finalize what was named."""
    settings = loaded.settings
    if settings.sweep.all == (settings.run.run_id is not None):
        raise UsageError("Name one run or all of them.", remedy="Give --run-id RUN, or --all.")
    if settings.sweep.all and settings.sweep.open_holdout:
        raise UsageError("Days that are locked away are opened for one run.", remedy="Give --run-id RUN.")
    with open_database(settings.database) as conninfo:
        if settings.run.run_id is not None:
            _finalize_one(settings, settings.run.run_id, conninfo)
        else:
            _sweep(settings, conninfo)
    return ExitCode.DONE


def _finalize_one(settings: FinalizeCommand, run_id: str, conninfo: str) -> None:
    opened = open_run(_address(settings, run_id, conninfo))
    with track("finalizing", settings.output) as tracker:
        finalization = finalize(opened, recount=True, tracker=tracker)
    if finalization.summary is None:
        raise TransientError(
            f"Run {run_id} is not ready: {describe(finalization.states)}.",
            remedy="Try again when its windows have ended.",
        )
    num_trials = finalization.summary.num_trials
    print(f"{run_id}: {finalization.summary.verdict}, N = {num_trials}; {describe(finalization.states)}")
    if settings.sweep.open_holdout:
        print_holdout(open_holdout(opened), f"{opened.store.location}/{opened.keys.holdout}")


def _sweep(settings: FinalizeCommand, conninfo: str) -> None:
    """Every walk-forward under the save path; one that cannot be finalized does not keep the others from it."""
    store = open_store(settings.run.save_path)
    failed: dict[str, JobError] = {}
    for run_id in planned_runs(store):
        try:
            if _is_walkforward(store, run_id):
                _finalize_if_ready(open_run(_address(settings, run_id, conninfo)))
        except Interrupted:
            raise
        except JobError as error:
            print(f"{run_id}: {error.message}")
            failed[run_id] = error
    if failed:
        worst = min(failed.values(), key=lambda error: WORST_FIRST.index(error.exit_code))
        raise type(worst)(f"Not finalized: {', '.join(failed)}. {worst.message}", remedy=worst.remedy)


def _is_walkforward(store: ObjectStore, run_id: str) -> bool:
    plan = read_plan(store, run_id)
    return plan is not None and plan.kind == "walkforward"


def _finalize_if_ready(opened: Run) -> None:
    finalization = finalize(opened)
    state = "not ready" if finalization.summary is None else finalization.summary.verdict
    print(f"{opened.plan.run_id}: {state}; {describe(finalization.states)}")


def _address(settings: FinalizeCommand, run_id: str, conninfo: str) -> RunAddress:
    return RunAddress(
        run_id=run_id,
        save_path=settings.run.save_path,
        ledger_path=settings.run.ledger or settings.run.save_path,
        conninfo=conninfo,
        device=settings.compute.device,
        threads=settings.compute.threads,
    )
