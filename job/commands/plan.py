"""``lorentzian plan``: the windows that these settings cut, without training and without storing anything."""

from job import interruption
from job.commands.results import add_texts, results_console, results_table
from job.data.postgres import connect
from job.database import open_database
from job.errors import ExitCode
from job.execution.opening import draft_plan
from job.intervals import format_utc
from job.records import PlanRecord
from job.run.cuts import holdout_span
from job.settings.commands import PlanCommand
from job.settings.sources import LoadedSettings


def run(loaded: LoadedSettings[PlanCommand]) -> ExitCode:
    """Make the plan and print it."""
    settings = loaded.settings
    with interruption.at_once(), open_database(settings.database) as conninfo, connect(conninfo) as connection:
        plan = draft_plan(connection, settings, device=settings.compute.device)
    _print(plan)
    return ExitCode.DONE


def _print(plan: PlanRecord) -> None:
    market = plan.procedure.market
    horizon = plan.procedure.label.horizon_bars(market.interval)
    table = results_table("window", "train from", "test from", "test to", title=f"Run {plan.run_id}")
    for window in plan.windows:
        times = (window.train_start_ms, window.test_start_ms, window.test_end_ms)
        add_texts(table, str(window.index), *map(format_utc, times))
    results_console().print(table)
    print(
        f"{len(plan.windows)} windows of {market.symbol} {market.interval}, times UTC; "
        f"{len(plan.feature_names)} features of {plan.feature_set}.\n"
        f"Purged between spans: labels unknown when the next begins, up to {horizon + 1} bars."
    )
    holdout = holdout_span(plan)
    if holdout is not None:
        print(f"Locked away until `lorentzian finalize --open-holdout`: {holdout}.")
    for warning in plan.warnings:
        print(f"Warning: {warning}")
