"""From settings to a run: its stores, its database, its plan."""

from collections.abc import Callable
from functools import partial

import structlog

from job import interruption
from job.artifacts.opening import open_store
from job.artifacts.probe import probe_store
from job.artifacts.store import ObjectStore
from job.data.postgres import Connection, on_connection
from job.device import choose_device, limit_threads
from job.errors import ConfigError
from job.feature_store import feature_record
from job.records import PlanRecord, ProcedureRecord, RunKind
from job.rules import peers_of
from job.run.address import RunAddress
from job.run.attempt import now_ms
from job.run.index import note_started
from job.run.leftovers import refuse_leftovers
from job.run.plan import check_same_run, make_plan, publish_plan, read_plan
from job.run.pod import run_id_of
from job.run.run import Run
from job.settings.commands import PlanCommand

OWN_LEDGER = "the ledger of this save path"
SHARED_LEDGER = "the ledger named by --ledger"


def procedure_of(settings: PlanCommand) -> ProcedureRecord:
    """What decides the results, out of everything that was set; the horizon's default made explicit."""
    horizon = settings.label.horizon_bars(settings.market.interval)
    return ProcedureRecord(
        market=settings.market.model_copy(update={"context": settings.market.context_symbols}),
        costs=settings.costs,
        strategy=settings.strategy,
        label=settings.label.model_copy(update={"horizon": horizon}),
        features=settings.features,
        windows=settings.windows,
        model=settings.model,
    )


def named_run(settings: PlanCommand) -> str | None:
    """The run that was named, by the user or else by the Job of this pod; None for the one that the data name."""
    return settings.run.run_id or run_id_of(settings.job)


def draft_plan(
    connection: Connection, settings: PlanCommand, *, device: str, kind: RunKind = "walkforward"
) -> PlanRecord:
    """The plan that these settings make of the stored data now; nothing is stored."""
    procedure = procedure_of(settings)
    return make_plan(
        connection,
        procedure,
        feature_record(settings.market, settings.features),
        peer_sets=tuple(feature_record(peer.market, peer.features) for peer in peers_of(procedure)),
        run_id=named_run(settings),
        now_ms=now_ms(),
        threads=settings.compute.threads,
        device=device,
        kind=kind,
    )


def plan_run(
    settings: PlanCommand,
    conninfo: str,
    *,
    kind: RunKind = "walkforward",
    accept: Callable[[PlanRecord], None] | None = None,
) -> PlanRecord:
    """The plan of the run that these settings name; made and published here by whoever comes first.

    Parameters
    ----------
    accept : raises for a plan that the caller cannot work on, before anybody sees it.

    Raises
    ------
    ConfigError
        Where the run exists with other settings or is of another kind, or the store cannot carry a run.
    """
    accept = accept or (lambda _: None)
    store = open_store(settings.run.save_path)
    _refuse_folder_of_pod(settings)
    run_id = named_run(settings)
    if run_id is not None:
        existing = read_plan(store, run_id)
        if existing is not None:
            check_same_run(existing, procedure_of(settings), kind)
            accept(existing)
            note_started(store, existing)  # whoever planned it may have died before
            return existing
    with interruption.at_once():
        device = str(choose_device(settings.compute.device))
        plan = on_connection(conninfo, partial(draft_plan, settings=settings, device=device, kind=kind))
    accept(plan)
    if read_plan(store, plan.run_id) is None:
        refuse_leftovers(store, plan.run_id)
        probe_store(store)
        for warning in plan.warnings:
            structlog.get_logger().warning("plan_warned", run_id=plan.run_id, warning=warning)
    published = publish_plan(store, plan)
    accept(published)  # another pod's may have come first
    note_started(store, published)
    return published


def _refuse_folder_of_pod(settings: PlanCommand) -> None:
    """What a pod writes into its own working folder no other pod of its Job sees, and nobody once it has ended."""
    path = settings.run.save_path
    if settings.job.job_name is not None and settings.run.is_within_process:
        raise ConfigError(
            f"Each pod of Job {settings.job.job_name} would keep its results in a {path} of its own, and lose them.",
            remedy="Set LORENTZIAN_SAVE_PATH to s3://bucket/prefix, or to the path of a volume that all pods mount.",
        )


def address_of(settings: PlanCommand, plan: PlanRecord, conninfo: str) -> RunAddress:
    """Where a run is, for other processes."""
    return RunAddress(
        run_id=plan.run_id,
        save_path=settings.run.save_path,
        ledger_path=settings.run.ledger or settings.run.save_path,
        conninfo=conninfo,
        device=settings.compute.device,
        threads=settings.compute.threads,
    )


def open_run(address: RunAddress) -> Run:
    """Open a run that has been planned, on as many threads as its plan says, since results depend on that.

    Raises
    ------
    ConfigError
        Where there is no such run.
    """
    store = open_store(address.save_path)
    plan = read_plan(store, address.run_id)
    if plan is None:
        raise _no_such_run(store, address.run_id)
    if address.threads != plan.threads:
        structlog.get_logger().info("threads_of_the_plan_are_used", threads=plan.threads, asked=address.threads)
    limit_threads(plan.threads)
    return Run(
        plan=plan,
        store=store,
        ledger=open_store(address.ledger_path),
        conninfo=address.conninfo,
        device=choose_device(address.device),
        ledger_name=OWN_LEDGER if address.ledger_path == address.save_path else SHARED_LEDGER,
    )


def _no_such_run(store: ObjectStore, run_id: str) -> ConfigError:
    return ConfigError(
        f"There is no run {run_id} under {store.location}.",
        remedy=f"Check --run-id; `lorentzian status --save-path {store.location}` lists the runs there.",
    )
