"""``lorentzian finalize``: end one run, or every run whose windows are all settled."""

from job.artifacts.opening import open_store
from job.database import open_database
from job.errors import DataError, ExitCode, TransientError, UsageError
from job.execution.finalize import finalize, planned_runs
from job.execution.opening import open_run
from job.run.address import RunAddress
from job.run.state import describe
from job.settings.commands import FinalizeCommand
from job.settings.sources import LoadedSettings


def run(loaded: LoadedSettings[FinalizeCommand]) -> ExitCode:
    """Finalize what was named."""
    settings = loaded.settings
    if settings.sweep.all == (settings.run.run_id is not None):
        raise UsageError("Name one run or all of them.", remedy="Give --run-id RUN, or --all.")
    run_ids = planned_runs(open_store(settings.run.save_path)) if settings.sweep.all else [settings.run.run_id or ""]
    with open_database(settings.database) as conninfo:
        for run_id in run_ids:
            address = RunAddress(
                run_id=run_id,
                save_path=settings.run.save_path,
                ledger_path=settings.run.ledger or settings.run.save_path,
                conninfo=conninfo,
                device=settings.compute.device,
                threads=settings.compute.threads,
            )
            _finalize_one(address, is_sweep=settings.sweep.all)
    return ExitCode.DONE


def _finalize_one(address: RunAddress, *, is_sweep: bool) -> None:
    try:
        finalization = finalize(open_run(address))
    except DataError as error:
        if not is_sweep:
            raise
        print(f"{address.run_id}: {error.message}")
        return
    if finalization.summary is None and not is_sweep:
        raise TransientError(
            f"Run {address.run_id} is not ready: {describe(finalization.states)}.",
            remedy="Try again when its windows have ended.",
        )
    state = "not ready" if finalization.summary is None else finalization.summary.verdict
    print(f"{address.run_id}: {state}; {describe(finalization.states)}")
