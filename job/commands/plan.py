"""``lorentzian plan``: the windows that these settings cut, or the Job that runs them; nothing is trained or stored."""

import sys
from importlib.metadata import version

from job import interruption
from job.commands.results import add_texts, results_console, results_table
from job.data.postgres import connect
from job.database import open_database
from job.errors import ExitCode, UsageError
from job.intervals import format_utc
from job.kubernetes.document import to_yaml
from job.kubernetes.settings_flags import flags_for
from job.kubernetes.window_job import WindowJob, job_document
from job.records import CandidateRecord, PlanRecord
from job.run.cuts import data_days_for, holdout_span, num_windows
from job.settings.commands import DoctorCommand, ShownPlanCommand, WindowCommand
from job.settings.operation import IndexSettings
from job.settings.procedure import ModelSettings
from job.settings.sources import LoadedSettings

DEFAULT_JOB_NAME = "walkforward"
LONGEST_HOST_NAME = 63
# What holds here and not in a pod: how this command speaks, which database it asks, and what it prints.
OF_THIS_COMMAND = ("output", "database", "job", "manifest")


def run(loaded: LoadedSettings[ShownPlanCommand]) -> ExitCode:
    """Make the plan and print it; or, from the settings alone, the manifest."""
    settings = loaded.settings
    if settings.manifest.manifest:
        sys.stdout.write(to_yaml(job_document(_window_job(loaded))))
        return ExitCode.DONE
    from job.execution.opening import draft_plan  # loads torch, which a manifest must not wait for

    with interruption.at_once(), open_database(settings.database) as conninfo, connect(conninfo) as connection:
        plan = draft_plan(connection, settings, device=settings.compute.device)
    _print(plan)
    return ExitCode.DONE


def _window_job(loaded: LoadedSettings[ShownPlanCommand]) -> WindowJob:
    settings = loaded.settings
    days = settings.windows
    completions = num_windows(days)
    if not completions:
        raise UsageError(
            f"{days.data_days} days, {days.holdout_days} of them locked away, hold no window of {days.window_size} to "
            f"train and {days.test_size} to test.",
            remedy=f"Set --data-days to {data_days_for(days, 1)} or more.",
        )
    path = settings.run.save_path
    if loaded.sources.get("save_path", "default") != "default" and settings.run.is_within_process:
        raise UsageError(
            f"Each pod of the Job would keep its results in a {path} of its own, and lose them.",
            remedy="Give --save-path s3://bucket/prefix, or the absolute path of a volume that you mount.",
        )
    name = settings.job.job_name or DEFAULT_JOB_NAME
    host = f"{name}-{completions - 1}"
    if "." in name or len(host) > LONGEST_HOST_NAME:
        raise UsageError(
            f"A Job called {name} would be refused, since its last pod's host name, {host}, has a dot or more than "
            f"{LONGEST_HOST_NAME} characters.",
            remedy="Give a --job-name that is short, of lower-case letters, digits and dashes.",
        )
    return WindowJob(
        name=name,
        image=settings.manifest.image or f"lorentzian-trainer:{version('lorentzian-trainer')}",
        completions=completions,
        parallelism=min(settings.manifest.parallelism or completions, completions),
        attempts=IndexSettings().attempts,
        service_account=settings.manifest.service_account,
        arguments=flags_for(WindowCommand, loaded, apart_from=OF_THIS_COMMAND),
        wait_arguments=flags_for(DoctorCommand, loaded, apart_from=(*OF_THIS_COMMAND, "compute")),
        threads=settings.compute.threads,
        has_gpu=settings.compute.device == "cuda",
    )


def _print(plan: PlanRecord) -> None:
    market = plan.procedure.market
    horizon = plan.procedure.label.horizon_bars(market.interval)
    number = len(plan.windows)
    table = results_table("window", "train from", "test from", "test to", title=f"Run {plan.run_id}")
    for window in plan.windows:
        times = (window.train_start_ms, window.test_start_ms, window.test_end_ms)
        add_texts(table, str(window.index), *map(format_utc, times))
    results_console().print(table)
    print(
        f"{number} window{'' if number == 1 else 's'} of {market.symbol} {market.interval}, times UTC; "
        f"{len(plan.feature_names)} features of {plan.feature_set}.\n"
        f"Purged between spans: labels unknown when the next begins, up to {horizon + 1} bars."
    )
    _print_search(plan.procedure.model)
    holdout = holdout_span(plan)
    if holdout is not None:
        print(f"Locked away until `lorentzian finalize --open-holdout`: {holdout}.")
    for warning in plan.warnings:
        print(f"Warning: {warning}")


def _print_search(settings: ModelSettings) -> None:
    """What a search tries in every window; nothing where none was asked for."""
    from job.model.search import draw_candidates  # loads torch

    candidates = draw_candidates(settings)
    if not candidates:
        return
    print("Validation chooses in each window among the settings as given and")
    for candidate in candidates[1:]:
        print(f"  {candidate.number}. {CandidateRecord(changes=candidate.changes, losses=()).text}")
