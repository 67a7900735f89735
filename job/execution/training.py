"""The guide's basic training: one fixed split, three files; a walk-forward of one window in all but its names."""

from dataclasses import dataclass

import structlog
from pydantic import ValidationError

from job import interruption
from job.artifacts.results import stands, write_once
from job.artifacts.stored_records import parse_record, record_bytes
from job.errors import ConfigError, DataError
from job.execution.opening import address_of, open_run, plan_run
from job.execution.window_line import WindowLine, window_facts
from job.pipeline import train_and_test
from job.progress import track
from job.records import WindowRecord
from job.report.artifacts import loss_curve_png
from job.run.attempt import Attempt
from job.run.index import note_trained
from job.run.kept_fits import forget_fits
from job.run.plan import windows_of
from job.run.run import Run
from job.settings.commands import PlanCommand, TrainCommand
from job.settings.procedure import WindowSettings
from job.window_results import window_record


@dataclass(frozen=True, kw_only=True)
class FinishedTraining:
    """A trained and tested model; ``is_new`` unless the same command had done it before."""

    run: Run
    record: WindowRecord
    is_new: bool


def as_walkforward(settings: TrainCommand) -> PlanCommand:
    """The same settings with the split in whole days, as a plan records it.

    Raises
    ------
    ConfigError
        Where too few days are left to train on.
    """
    split = settings.split
    test_days = max(1, round(split.data_days * split.test_size))
    try:
        windows = WindowSettings(
            data_days=split.data_days,
            window_size=split.data_days - test_days,
            test_size=test_days,
            optimize_metric=split.optimize_metric,
        )
    except ValidationError as error:
        raise ConfigError(
            f"A test of {test_days} of {split.data_days} days leaves {split.data_days - test_days} to train on, "
            "and the validation inside them needs five.",
            remedy="Raise --data-days, or lower --test-size.",
        ) from error
    shared = {name: getattr(settings, name) for name in PlanCommand.model_fields if name != "windows"}
    return PlanCommand.model_construct(**shared, windows=windows)


def run_training(settings: TrainCommand, conninfo: str) -> FinishedTraining:
    """Train, test and store, unless the same command on the same data has done so."""
    planned = as_walkforward(settings)
    plan = plan_run(planned, conninfo, kind="training")
    run = open_run(address_of(planned, plan, conninfo))
    is_new = not stands(run.store, run.keys.manifest, root=run.keys.root)
    if is_new:
        with structlog.contextvars.bound_contextvars(run_id=plan.run_id, window_index=0):
            _train(run, settings)
    key = run.keys.trained_metrics(plan.stamp)
    stored = run.store.get(key)
    if stored is None:
        raise DataError(f"{key} has vanished.", remedy="Run the same command once more.")
    note_trained(run.store, plan)
    return FinishedTraining(run=run, record=parse_record(WindowRecord, stored.data, where=key), is_new=is_new)


def _train(run: Run, settings: TrainCommand) -> None:
    window, line = windows_of(run.plan)[0], WindowLine()
    run = line.metered(run)
    attempt = Attempt(run.store, run.keys, window.index, max_attempts=1)
    with track("train", settings.output) as tracker, line.written(run, attempt) as found, attempt:

        def noted(part: int, epoch: int, loss: float) -> None:
            attempt.at_epoch(epoch)
            line.at_epoch(part, epoch, loss)
            tracker.advance_to(
                part * settings.model.epochs + epoch + 1, 3 * settings.model.epochs, note=f"loss {loss:.4f}"
            )

        with interruption.at_once():
            outcome = train_and_test(run, window, attempt=attempt, on_progress=noted)
        record = window_record(
            window, run.plan, outcome.trained, outcome.tested, traded_model=run.traded_model, drift=outcome.drift
        )
        found.update(window_facts(record))
        write_once(
            run.store,
            run.keys.manifest,
            {
                run.keys.trained_model(run.plan.stamp): outcome.model,
                run.keys.trained_metrics(run.plan.stamp): record_bytes(record),
                run.keys.loss_curve(run.plan.stamp): loss_curve_png(record),
            },
            root=run.keys.root,
        )
        forget_fits(run.store, run.keys.kept_fits(window.index))
