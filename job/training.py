"""The guide's basic training: one fixed split, three files; a walk-forward of one window in all but its names."""

from job.artifacts.manifest import read_manifest, write_with_manifest
from job.artifacts.stored_records import parse_record, record_bytes
from job.attempt import Attempt
from job.command_settings import PlanCommand, TrainCommand
from job.errors import DataError
from job.opening import address_of, open_run, plan_run
from job.pipeline import train_and_test
from job.plan import cut_once, windows_of
from job.progress import track
from job.records import WindowRecord
from job.report.artifacts import loss_curve_png
from job.run import Run
from job.settings import WindowSettings
from job.window_results import window_record


def as_walkforward(settings: TrainCommand) -> PlanCommand:
    """The same settings with the split in days, as a plan records it."""
    split = settings.split
    test_days = max(1, round(split.data_days * split.test_size))
    windows = WindowSettings(
        data_days=split.data_days,
        window_size=split.data_days - test_days,
        test_size=test_days,
        optimize_metric=split.optimize_metric,
    )
    shared = {name: getattr(settings, name) for name in PlanCommand.model_fields if name != "windows"}
    return PlanCommand.model_construct(**shared, windows=windows)


def run_training(settings: TrainCommand, conninfo: str) -> tuple[Run, WindowRecord]:
    """Train, test and store, unless the same command on the same data has done so."""
    planned = as_walkforward(settings)
    plan = plan_run(planned, conninfo, cut=cut_once)
    run = open_run(address_of(planned, plan, conninfo))
    if read_manifest(run.store, run.keys.manifest) is None:
        _train(run, settings)
    key = run.keys.trained_metrics(plan.stamp)
    stored = run.store.get(key)
    if stored is None:
        raise DataError(f"{key} has vanished.", remedy="Delete the run's manifest and train again.")
    return run, parse_record(WindowRecord, stored.data, where=key)


def _train(run: Run, settings: TrainCommand) -> None:
    window = windows_of(run.plan)[0]
    with (
        track("train", settings.output) as tracker,
        Attempt(run.store, run.keys, window.index, max_attempts=1) as attempt,
    ):
        outcome = train_and_test(
            run,
            window,
            attempt=attempt,
            on_progress=lambda part, epoch, loss: tracker.advance_to(
                part * settings.model.epochs + epoch + 1, 3 * settings.model.epochs, note=f"loss {loss:.4f}"
            ),
        )
        record = window_record(window, run.plan, outcome.trained, outcome.tested, traded_model=run.traded_model)
        write_with_manifest(
            run.store,
            run.keys.manifest,
            {
                run.keys.trained_model(run.plan.stamp): outcome.model,
                run.keys.trained_metrics(run.plan.stamp): record_bytes(record),
                run.keys.loss_curve(run.plan.stamp): loss_curve_png(record),
            },
            root=run.keys.root,
            extra={},
        )
