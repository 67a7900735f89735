"""The flow of one window, from klines to artifacts, a call a stage. Arithmetic lives in the stages."""

import hashlib
import platform
from dataclasses import dataclass

from job import interruption
from job.artifacts.results import stands, write_once
from job.artifacts.stored_records import record_bytes
from job.checkpoint import checkpoint_bytes
from job.data.postgres import connect
from job.dataset import load_dataset
from job.evaluation.daily import utc_daily_returns
from job.learners import make_learners, train_all
from job.procedure import OnProgress, TrainedProcedure
from job.run.attempt import Attempt
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
    outcome = train_and_test(run, window, attempt=attempt, on_progress=on_progress)
    interruption.check()
    with attempt.stage("store"):
        is_ours = _store(run, window, outcome)
    if is_ours:
        execution = attempt.execution(cpu=platform.processor() or platform.machine(), device=str(run.device))
        run.store.put(run.keys.execution(index), record_bytes(execution))


@dataclass(frozen=True, kw_only=True)
class WindowOutcome:
    """A window before it is stored: the traded model's file, every trained model, and what the test said."""

    model: bytes
    trained: dict[str, TrainedProcedure]
    tested: SliceOutcome


def train_and_test(
    run: Run, window: Window, *, attempt: Attempt, on_progress: OnProgress | None = None
) -> WindowOutcome:
    """Choose and fit on the training span; only then, and noted in the ledger, read the test."""
    with attempt.stage("read"), connect(run.conninfo) as connection:
        check_unchanged(connection, run.plan, window.span)
        training = load_dataset(connection, run.plan, window.train)
    with attempt.stage("train"):
        learners = make_learners(run.plan.procedure.model, stream=window.index, device=run.device)
        trained = train_all(learners, training, window, run.plan.procedure, on_progress=on_progress)
    model = checkpoint_bytes(trained[run.traded_model], run.plan)
    with attempt.stage("test"), connect(run.conninfo) as connection:
        entry = note_reading(run.ledger, run.plan, window, model_hash=hashlib.sha256(model).hexdigest())
        tested = read_test(connection, run.plan, window, trained)
        note_result(run.ledger, entry, utc_daily_returns(tested.accounts[run.traded_model]))
    return WindowOutcome(model=model, trained=trained, tested=tested)


def is_done(run: Run, index: int) -> bool:
    """Whether the window's manifest, which is written last, stands over whole objects."""
    return stands(run.store, run.keys.window_manifest(index), root=run.keys.root)


def _store(run: Run, window: Window, outcome: WindowOutcome) -> bool:
    record = window_record(window, run.plan, outcome.trained, outcome.tested, traded_model=run.traded_model)
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
