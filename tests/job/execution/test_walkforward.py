from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from job.artifacts.stored_records import record_bytes
from job.errors import DataError, JobError, TransientError
from job.execution import finalize as finalize_module
from job.execution import walkforward
from job.execution.opening import open_run
from job.execution.parallel import EpochDone, News, WindowEnded
from job.execution.walkforward import run_walkforward
from job.execution.window_attempt import attempt_window
from job.pipeline import is_done
from job.records import AttemptRecord
from job.run.address import RunAddress
from job.run.attempt import now_ms
from job.run.run import Run
from job.settings.commands import WalkforwardCommand
from job.settings.operation import OutputSettings, WorkerSettings
from tests.support.small_run import MAX_ATTEMPTS, RUN_ID, change_close, copied, small_settings


def settings_for(save_path: Path) -> WalkforwardCommand:
    """The small walk-forward as a command."""
    small = small_settings(save_path)
    shared = {name: getattr(small, name) for name in type(small).model_fields if name not in ("compute", "output")}
    return WalkforwardCommand(
        **shared, compute=WorkerSettings(device="cpu", workers=1), output=OutputSettings(progress=False)
    )


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The windows that were run: here by this process, as the workers' own loop does."""
    indexes: list[int] = []

    def run_here(
        address: RunAddress, missing: Sequence[int], *, num_workers: int, on_news: Callable[[News], None]
    ) -> None:
        assert num_workers == 1
        for index in missing:
            indexes.append(index)
            error: JobError | None = None
            try:
                attempt_window(open_run(address), index, max_attempts=MAX_ATTEMPTS)
            except DataError as caught:
                error = caught
            on_news(EpochDone(index=index, part=2, epoch=0, loss=0.69))
            on_news(WindowEnded(index=index, error=error))

    monkeypatch.setattr(walkforward, "run_windows", run_here)
    monkeypatch.setattr(finalize_module, "report_objects", lambda *_: {})
    return indexes


def test_walkforward_runs_what_is_missing_and_ends_the_run(
    small_market: str, run_of_three: Run, tmp_path: Path, started: list[int]
) -> None:
    """A window that is done is not run again, one that is torn is; the second command finds everything done."""
    run = copied(run_of_three, tmp_path)
    run.store.delete(run.keys.window_manifest(1))
    run.store.put(run.keys.series(2), b"torn")
    first = run_walkforward(settings_for(tmp_path), small_market)
    assert started == [1, 2]
    assert (first.run_id, first.is_new, first.summary.num_done) == (RUN_ID, True, 3)
    assert first.report == f"{tmp_path}/runs/{RUN_ID}/report.html"
    assert first.model == f"{tmp_path}/runs/{RUN_ID}/best_model_final_{run.plan.stamp}.pt"
    again = run_walkforward(settings_for(tmp_path), small_market)
    assert started == [1, 2]
    assert (again.is_new, again.summary) == (False, first.summary)


def test_walkforward_ends_without_a_window_whose_data_is_bad(
    small_database: str, run_of_three: Run, tmp_path: Path, started: list[int]
) -> None:
    """The others are stitched, and the headline says what is missing and why."""
    run = copied(run_of_three, tmp_path)
    run.store.delete(run.keys.window_manifest(0))
    change_close(small_database, run.plan.windows[0].train_start_ms)
    finished = run_walkforward(settings_for(tmp_path), small_database)
    assert started == [0]
    assert finished.summary.headline.startswith("2 of 3 windows, 1 failed: window 0: The data of SYNUSDT 15m")


@pytest.mark.usefixtures("started")
def test_walkforward_does_not_end_a_run_that_others_work_on(
    small_market: str, run_of_three: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A window that somebody else is running is not theirs to end: 75, since that will be over, with its number."""
    run = copied(run_of_three, tmp_path)
    run.store.delete(run.keys.window_manifest(1))
    record = AttemptRecord(
        index=1, attempt=2, max_attempts=3, host="a", started_at_ms=now_ms(), beat_at_ms=now_ms(), stage="train"
    )
    run.store.put(run.keys.attempt(1, 2), record_bytes(record))
    monkeypatch.setattr(walkforward, "run_windows", lambda *_, **__: None)
    with pytest.raises(TransientError, match=r"Windows 1 \(running\) are not settled"):
        run_walkforward(settings_for(tmp_path), small_market)
    assert not is_done(run, 1)
