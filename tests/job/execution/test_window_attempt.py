from pathlib import Path

import pytest
from structlog.testing import capture_logs

from job import pipeline
from job.artifacts.stored_records import parse_record
from job.errors import DataError, StorageUnavailable
from job.execution.window_attempt import attempt_window
from job.records import AttemptRecord, FailureRecord
from job.run.run import Run
from tests.support.small_run import change_close, open_small_run, small_settings


@pytest.fixture
def run(small_database: str, tmp_path: Path) -> Run:
    """A planned run on data that a test may change."""
    return open_small_run(small_settings(tmp_path), small_database)


def attempts(run: Run, index: int) -> list[int | None]:
    """The exit codes of a window's attempts."""
    codes = []
    for info in run.store.list(f"{run.keys.window(index)}attempts/"):
        stored = run.store.get(info.key)
        assert stored is not None
        codes.append(parse_record(AttemptRecord, stored.data, where=info.key).exit_code)
    return codes


def test_window_is_run_once_and_then_found_done(run: Run) -> None:
    """The second start finds the manifest, does nothing and says so; one line ends the first."""
    with capture_logs() as lines:
        assert attempt_window(run, 1, max_attempts=3)
        assert not attempt_window(run, 1, max_attempts=3)
    said = [line for line in lines if line["log_level"] != "debug"]
    assert [line["event"] for line in said] == ["window_ended", "window_already_done"]
    assert {"read", "train", "test", "store"} <= set(said[0]["seconds_by_stage"])
    assert attempts(run, 1) == [0]


def test_torn_window_is_run_again(run: Run) -> None:
    """A manifest over an object that has gone, or is another, is not believed: the window mends it."""
    attempt_window(run, 0, max_attempts=3)
    series = run.keys.series(0)
    whole = run.store.get(series)
    assert whole is not None
    run.store.put(series, b"a slower pod's")
    assert attempt_window(run, 0, max_attempts=3)
    run.store.delete(run.keys.best_model_window(0))
    assert attempt_window(run, 0, max_attempts=3)
    assert pipeline.is_done(run, 0)
    mended = run.store.get(series)
    assert mended is not None and mended.data == whole.data


def test_changed_data_ends_one_window_and_no_other(run: Run) -> None:
    """The window whose day changed fails for good with 65 and says what to do; the others run."""
    change_close(run.conninfo, run.plan.windows[2].test_start_ms)
    for index in (0, 1):
        assert attempt_window(run, index, max_attempts=3)
    with pytest.raises(DataError, match="changed since the plan"):
        attempt_window(run, 2, max_attempts=3)
    stored = run.store.get(run.keys.window_failure(2))
    assert stored is not None
    failure = parse_record(FailureRecord, stored.data, where="failure.json")
    assert (failure.exit_code, failure.remedy) == (65, "Use a new run id.")
    assert attempts(run, 2) == [65]


def test_last_line_says_how_a_window_ran_and_not_what_it_found(run: Run) -> None:
    """Rows, losses, time, requests and bytes; not one number of the test's result."""
    with capture_logs() as lines:
        attempt_window(run, 0, max_attempts=3)
    (said,) = (line for line in lines if line["event"] == "window_ended")
    assert (said["exit_code"], said["attempt"], said["model"], said["log_level"]) == (0, 1, "logistic", "info")
    assert min(said[name] for name in ("num_train_rows", "num_test_bars", "num_requests", "bytes_written")) > 0
    assert said["seconds"] >= max(said["seconds_by_stage"].values()) > 0
    assert not {"sharpe_ratio", "total_return", "log_loss", "verdict"} & said.keys()
    stages = [line["stage"] for line in lines if line["event"] == "stage_ended"]
    assert stages == list(said["seconds_by_stage"])


def test_last_line_of_a_failure_says_why(run: Run) -> None:
    """The sentence and the remedy that the pod ends with, and the stage that it met it in."""
    change_close(run.conninfo, run.plan.windows[2].test_start_ms)
    with capture_logs() as lines, pytest.raises(DataError) as met:
        attempt_window(run, 2, max_attempts=3)
    (said,) = (line for line in lines if line["event"] == "window_ended")
    assert (said["exit_code"], said["stage"], said["log_level"]) == (65, "read", "error")
    assert (said["reason"], said["remedy"]) == (met.value.message, met.value.remedy)


def test_window_survives_a_store_that_breaks_off(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """Killed between the objects and the manifest, the window is not done; the next attempt finishes it."""
    replace = run.store.replace

    def away(_key: str, _data: bytes, *, etag: str | None) -> bool:
        raise StorageUnavailable("It is away.")

    monkeypatch.setattr(run.store, "replace", away)
    with pytest.raises(StorageUnavailable):
        attempt_window(run, 1, max_attempts=3)
    assert run.store.get(run.keys.series(1)) is not None
    assert not pipeline.is_done(run, 1)
    monkeypatch.setattr(run.store, "replace", replace)
    assert attempt_window(run, 1, max_attempts=3)
    assert pipeline.is_done(run, 1)
    assert attempts(run, 1) == [75, 0]
