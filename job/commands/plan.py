"""``lorentzian plan``: the windows that these settings cut, without training and without storing anything."""

from rich.console import Console
from rich.table import Table

from job.attempt import now_ms
from job.command_settings import PlanCommand
from job.data.postgres import connect
from job.database import open_database
from job.errors import ExitCode
from job.feature_store import feature_record
from job.intervals import format_utc
from job.opening import procedure_of
from job.plan import make_plan
from job.records import PlanRecord
from job.settings_sources import LoadedSettings


def run(loaded: LoadedSettings[PlanCommand]) -> ExitCode:
    """Make the plan and print it."""
    settings = loaded.settings
    with open_database(settings.database) as conninfo, connect(conninfo) as connection:
        plan = make_plan(
            connection,
            procedure_of(settings),
            feature_record(settings.market, settings.features),
            run_id=settings.run.run_id,
            now_ms=now_ms(),
            threads=settings.compute.threads,
            device=settings.compute.device,
        )
    _print(plan)
    return ExitCode.DONE


def _print(plan: PlanRecord) -> None:
    market = plan.procedure.market
    horizon = plan.procedure.label.horizon_bars(market.interval)
    table = Table("window", "train from", "test from", "test to", title=f"Run {plan.run_id}", title_justify="left")
    for window in plan.windows:
        times = (window.train_start_ms, window.test_start_ms, window.test_end_ms)
        table.add_row(str(window.index), *map(format_utc, times))
    Console().print(table)
    print(
        f"{len(plan.windows)} windows of {market.symbol} {market.interval}, features {plan.feature_set} "
        f"({len(plan.feature_names)}). Purge: every label that is not known before the next span begins, "
        f"up to {horizon + 1} bars."
    )
