from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import structlog
from pydantic import SecretStr

from job.artifacts.manifest import read_manifest
from job.commands import window
from job.errors import ConfigError, DatabaseUnavailable, DataError, ExitCode, NoDataError, Terminated, UsageError
from job.execution import finalize as finalize_module
from job.run.run import Run
from job.settings.commands import WindowCommand
from job.settings.operation import DatabaseSettings, IndexSettings
from job.settings.sources import LoadedSettings
from tests.support.small_run import copied, small_settings


@pytest.fixture
def run(run_of_three: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """A run whose windows are done, and that is finalized without pictures."""
    monkeypatch.setattr(finalize_module, "report_objects", lambda *_: {})
    return copied(run_of_three, tmp_path)


def run_window(run: Run, index: int, **told: int) -> ExitCode:
    """The command, as a pod runs it that is told this of its Job."""
    small = small_settings(Path(run.store.location))
    shared = {name: getattr(small, name) for name in type(small).model_fields if name != "database"}
    settings = WindowCommand(
        **shared,
        database=DatabaseSettings(database_url=SecretStr(run.conninfo)),
        index=IndexSettings(index=index, **told),
    )
    return window.run(LoadedSettings(settings=settings, sources={}))


def raising(error: BaseException) -> Callable[..., Any]:
    """A stage that fails."""

    def fail(*_: object, **__: object) -> None:
        raise error

    return fail


def is_finalized(run: Run) -> bool:
    """Whether the run has its own manifest."""
    return read_manifest(run.store, run.keys.manifest) is not None


@pytest.mark.parametrize("error", [DataError("The data changed."), NoDataError("There is no data.")])
def test_window_that_fails_for_good_finalizes_the_others(
    run: Run, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    """The last of three ends with its own error, and the run with the two that succeeded."""
    run.store.delete(run.keys.window_manifest(1))
    monkeypatch.setattr("job.execution.window_attempt.run_window", raising(error))
    with pytest.raises(type(error)):
        run_window(run, 1)
    assert is_finalized(run)


def test_window_that_will_be_tried_again_finalizes_nothing(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither an error that a retry may mend nor a request to stop ends the run without the window."""
    run.store.delete(run.keys.window_manifest(1))
    for error in (DatabaseUnavailable("Away."), Terminated("Asked to stop.")):
        monkeypatch.setattr("job.execution.window_attempt.run_window", raising(error))
        with pytest.raises(type(error)):
            run_window(run, 1)
        assert not is_finalized(run)


@pytest.mark.parametrize("error", [DataError("Torn."), ConfigError("Another ledger."), ZeroDivisionError("a bug")])
def test_window_that_is_done_does_not_fail_with_the_finalizer(
    run: Run, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], error: Exception
) -> None:
    """0, with a log line that says what hinders and which command ends the run."""
    monkeypatch.setattr(finalize_module, "finalize", raising(error))
    with structlog.testing.capture_logs() as lines:
        assert run_window(run, 0) is ExitCode.DONE
    (line,) = [line for line in lines if line["event"] == "run_not_finalized"]
    assert "lorentzian finalize --run-id small" in line["remedy"]
    assert str(error) in line["reason"]
    assert capsys.readouterr().out == "Window 0 of run small is done already.\n"


def test_finalizer_that_may_be_retried_is(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """A store that is away ends the pod with 75; the next one finds its window done, and finalizes."""
    with monkeypatch.context() as patch:
        patch.setattr(finalize_module, "finalize", raising(DatabaseUnavailable("Away.")))
        with pytest.raises(DatabaseUnavailable):
            run_window(run, 0)
    assert run_window(run, 0) is ExitCode.DONE
    assert is_finalized(run)


def test_error_of_a_window_is_not_hidden_by_the_finalizer(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the finalizer meets after a failure is a log line."""
    run.store.delete(run.keys.window_manifest(1))
    monkeypatch.setattr("job.execution.window_attempt.run_window", raising(DataError("The data changed.")))
    monkeypatch.setattr(finalize_module, "finalize", raising(DatabaseUnavailable("Away.")))
    with pytest.raises(DataError, match="The data changed"):
        run_window(run, 1)


@pytest.mark.parametrize(("completions", "days"), [(2, 7), (4, 9)])
def test_job_with_other_completions_than_windows_is_refused(run: Run, completions: int, days: int) -> None:
    """64, before anything is trained, with both numbers that would end it."""
    with pytest.raises(UsageError) as caught:
        run_window(run, 0, completions=completions)
    assert caught.value.message == (
        f"The Job has {completions} completions, and the data and days of run small make 3 windows."
    )
    assert caught.value.remedy.startswith(f"Set the Job's completions to 3, or --data-days to {days},")
    assert not is_finalized(run)


def test_refused_plan_is_not_published(small_market: str, tmp_path: Path) -> None:
    """Nobody sees a run that no pod of its Job can work on."""
    folder = tmp_path / "results"
    settings = small_settings(folder)
    shared = {name: getattr(settings, name) for name in type(settings).model_fields if name != "database"}
    command = WindowCommand(
        **shared,
        database=DatabaseSettings(database_url=SecretStr(small_market)),
        index=IndexSettings(index=0, completions=21),
    )
    with pytest.raises(UsageError):
        window.run(LoadedSettings(settings=command, sources={}))
    assert not folder.exists()


def test_index_past_the_plan_is_refused(run: Run) -> None:
    """64, with the days that would make a window of it."""
    with pytest.raises(UsageError, match=r"Index 3 is past the plan .* 3 windows.* --data-days to 9"):
        run_window(run, 3)


def test_job_that_fits_is_run(run: Run) -> None:
    """As many completions as windows."""
    assert run_window(run, 2, completions=3, index_failures=0) is ExitCode.DONE
