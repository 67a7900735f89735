"""The flow of one window, from klines to artifacts, a call a stage. Arithmetic lives in the stages."""

import hashlib
from dataclasses import dataclass
from functools import partial

import structlog

from job import interruption
from job.artifacts.results import stands, write_once
from job.artifacts.stored_records import record_bytes
from job.artifacts.window_pack import WindowPack, packed
from job.checkpoint import checkpoint_bytes
from job.data.postgres import on_connection
from job.evaluation.daily import utc_daily_returns
from job.learners import learners_of, train_all
from job.procedure import OnProgress, TrainedProcedure
from job.processor import device_name, processor_name
from job.records import ExecutionRecord, WindowDriftRecord, WindowRecord
from job.robustness.adversarial import drift_after_the_fact, drift_before_test, drift_record
from job.run.attempt import Attempt
from job.run.cautions import training_warning
from job.run.kept_fits import KeptFits, fits_identity, forget_fits
from job.run.ledger import note_reading, note_result, own_result_key
from job.run.plan import windows_of
from job.run.run import Run
from job.run.training_data import read_training
from job.sealed_test import read_test
from job.slice_outcome import SliceOutcome
from job.window_results import series_bytes, window_record
from job.windows import Window


def run_window(run: Run, index: int, *, attempt: Attempt, on_progress: OnProgress | None = None) -> WindowRecord:
    """Train, test and store one window; where another pod has stored it meanwhile, its result stands.

    Returns what this pod found.

    Parameters
    ----------
    run : where to read and write.
    index : of the plan's windows.
    attempt : is told of every stage and epoch.
    on_progress : likewise, for a progress bar.

    Raises
    ------
    DataError
        Where the data of the window are no longer what the plan was made from.
    """
    window = windows_of(run.plan)[index]
    with interruption.at_once():
        outcome = train_and_test(run, window, attempt=attempt, on_progress=on_progress)
    interruption.check()
    record = window_record(
        window, run.plan, outcome.trained, outcome.tested, traded_model=run.traded_model, drift=outcome.drift
    )
    objects = _objects(run, outcome, record)
    with attempt.stage("store"):
        is_ours = write_once(run.store, run.keys.window_manifest(index), objects, root=run.keys.root)
    forget_fits(run.store, run.keys.kept_fits(index))
    if is_ours:
        execution = attempt.execution(cpu=processor_name(), device=device_name(run.device))
        run.store.put(run.keys.execution(index), record_bytes(execution))
        _pack(run, index, objects, execution)
    return record


@dataclass(frozen=True, kw_only=True)
class WindowOutcome:
    """A window before it is stored: the traded model's file, all trained models, what the test said, and the drift."""

    model: bytes
    trained: dict[str, TrainedProcedure]
    tested: SliceOutcome
    drift: WindowDriftRecord


def train_and_test(
    run: Run, window: Window, *, attempt: Attempt, on_progress: OnProgress | None = None
) -> WindowOutcome:
    """Choose and fit on the training span; only then, and noted in the ledger, read the test.

    May be left in any moment: what it writes, it writes whole, and the same the next time.
    """
    with attempt.stage("read"):
        training = read_training(run, window)
    with attempt.stage("train"), _kept_fits(run, window, attempt) as kept:
        learners = kept.remembering(learners_of(run.plan, window, device=run.device, peers=training.peers))
        trained = train_all(learners, training, window, run.plan.procedure, on_progress=on_progress)
        foreseen = drift_before_test(run.plan, window, training.rows)
    _warn_once(run, window, trained[run.traded_model])
    model = checkpoint_bytes(trained[run.traded_model], run.plan)
    with attempt.stage("test"):
        entry = note_reading(run.ledger, run.plan, window, model_hash=hashlib.sha256(model).hexdigest())
        test = partial(read_test, plan=run.plan, window=window, trained=trained, ledger=run.ledger, entry=entry)
        tested = on_connection(run.conninfo, test)
        note_result(run.ledger, entry, utc_daily_returns(tested.accounts[run.traded_model]))
    drift = drift_record(foreseen, drift_after_the_fact(run.plan, training.rows, tested.rows))
    return WindowOutcome(model=model, trained=trained, tested=tested, drift=drift)


def is_done(run: Run, index: int) -> bool:
    """Whether the window's manifest, which is written last, stands over whole objects."""
    return stands(run.store, run.keys.window_manifest(index), root=run.keys.root)


def _kept_fits(run: Run, window: Window, attempt: Attempt) -> KeptFits:
    identity = fits_identity(run.plan, window.index, cpu=processor_name(), device=device_name(run.device))
    key = run.keys.kept_fits(window.index)
    return KeptFits(run.store, key, identity=identity, is_resumed=not attempt.is_first)


def _warn_once(run: Run, window: Window, trained: TrainedProcedure) -> None:
    """Say in the first window's log what the summary will say of all."""
    warning = training_warning(run.plan, [trained.effective_rows])
    if warning is not None and window.index == 0:
        structlog.get_logger().warning("training_warned", run_id=run.plan.run_id, warning=warning)


def _objects(run: Run, outcome: WindowOutcome, record: WindowRecord) -> dict[str, bytes]:
    """What a window stores, by key."""
    index = record.span.index
    return {
        run.keys.best_model_window(index): outcome.model,
        run.keys.series(index): series_bytes(outcome.tested),
        run.keys.window_metrics(index): record_bytes(record),
    }


def _pack(run: Run, index: int, objects: dict[str, bytes], execution: ExecutionRecord) -> None:
    """Store once more, in one object, what the finalizer reads; nothing is lost where it is missing."""
    manifest = run.store.get(run.keys.window_manifest(index))
    model_hash = hashlib.sha256(objects[run.keys.best_model_window(index)]).hexdigest()
    reading = run.ledger.get(own_result_key(run.plan, index, model_hash))
    if manifest is not None and reading is not None:
        pack = WindowPack(
            manifest=manifest.data,
            metrics=objects[run.keys.window_metrics(index)],
            series=objects[run.keys.series(index)],
            execution=record_bytes(execution),
            reading=reading.data,
        )
        run.store.put(run.keys.finished_window(index), packed(pack))
