"""Finalizing one run, for ``lorentzian finalize``: what loads all that training and reporting take."""

from job.commands.holdout_result import print_holdout
from job.errors import TransientError
from job.execution.finalize import finalize
from job.execution.holdout import open_holdout
from job.execution.opening import open_run
from job.progress import track
from job.run.address import RunAddress
from job.run.run import Run
from job.run.state import describe
from job.settings.commands import FinalizeCommand


def finalize_named(settings: FinalizeCommand, run_id: str, conninfo: str) -> None:
    """Finalize the run that was named, count its trials again, and open its locked-away days where that was asked.

    Raises
    ------
    TransientError
        Where its windows have not all ended.
    """
    opened = _open(settings, run_id, conninfo)
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
        record = open_holdout(opened)
        finalize(opened)  # the page shows what they said
        print_holdout(record, f"{opened.store.location}/{opened.keys.holdout}")


def finalize_met(settings: FinalizeCommand, run_id: str, conninfo: str) -> None:
    """Finalize a run that a sweep has met, and keep the count that it has."""
    finalization = finalize(_open(settings, run_id, conninfo))
    state = "not ready" if finalization.summary is None else finalization.summary.verdict
    print(f"{run_id}: {state}; {describe(finalization.states)}")


def _open(settings: FinalizeCommand, run_id: str, conninfo: str) -> Run:
    return open_run(
        RunAddress(
            run_id=run_id,
            save_path=settings.run.save_path,
            ledger_path=settings.run.ledger or settings.run.save_path,
            conninfo=conninfo,
            device=settings.compute.device,
            threads=settings.compute.threads,
        )
    )
