"""The flow of one window, from klines to artifacts, a call a stage. Arithmetic lives in the stages."""

import hashlib
from dataclasses import dataclass

import structlog

from job import interruption
from job.artifacts.results import stands, write_once
from job.artifacts.stored_records import record_bytes
from job.checkpoint import checkpoint_bytes
from job.data.postgres import connect
from job.dataset import load_dataset
from job.evaluation.daily import utc_daily_returns
from job.learners import make_learners, train_all
from job.procedure import OnProgress, TrainedProcedure
from job.processor import device_name, processor_name
from job.records import WindowDriftRecord
from job.robustness.adversarial import drift_after_the_fact, drift_before_test, drift_record
from job.run.attempt import Attempt
from job.run.cautions import training_warning
from job.run.kept_fits import KeptFits, fits_identity, forget_fits
from job.run.ledger import note_reading, note_result
from job.run.plan import check_unchanged, windows_of
from job.run.run import Run
from job.sealed_test import read_test
from job.slice_outcome import SliceOutcome
from job.window_results import series_bytes, window_record
from job.windows import Window


def run_window(run: Run, index: int, *, attempt: Attempt, on_progress: OnProgress | None = None) -> None:
    """Train, test and store one window; where another pod has stored it meanwhile, its result stands.

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
    with attempt.stage("store"):
        is_ours = _store(run, window, outcome)
    forget_fits(run.store, run.keys.kept_fits(index))
    if is_ours:
        execution = attempt.execution(cpu=processor_name(), device=device_name(run.device))
        run.store.put(run.keys.execution(index), record_bytes(execution))


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
    with attempt.stage("read"), connect(run.conninfo) as connection:
        check_unchanged(connection, run.plan, window.span)
        training = load_dataset(connection, run.plan, window.train)
    with attempt.stage("train"), _kept_fits(run, window, attempt) as kept:
        learners = make_learners(
            run.plan.procedure.model, feature_names=run.plan.feature_names, stream=window.index, device=run.device
        )
        learners = kept.remembering(learners)
        trained = train_all(learners, training, window, run.plan.procedure, on_progress=on_progress)
        foreseen = drift_before_test(run.plan, window, training.rows)
    _warn_once(run, window, trained[run.traded_model])
    model = checkpoint_bytes(trained[run.traded_model], run.plan)
    with attempt.stage("test"), connect(run.conninfo) as connection:
        entry = note_reading(run.ledger, run.plan, window, model_hash=hashlib.sha256(model).hexdigest())
        tested = read_test(connection, run.plan, window, trained, ledger=run.ledger, entry=entry)
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


def _store(run: Run, window: Window, outcome: WindowOutcome) -> bool:
    record = window_record(
        window, run.plan, outcome.trained, outcome.tested, traded_model=run.traded_model, drift=outcome.drift
    )
    return write_once(
        run.store,
        run.keys.window_manifest(window.index),
        {
            run.keys.best_model_window(window.index): outcome.model,
            run.keys.series(window.index): series_bytes(outcome.tested),
            run.keys.window_metrics(window.index): record_bytes(record),
        },
        root=run.keys.root,
    )
