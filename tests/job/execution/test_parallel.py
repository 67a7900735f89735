import multiprocessing
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from job import interruption
from job.artifacts.folder import LocalStore
from job.artifacts.keys import RunKeys
from job.artifacts.stored_records import parse_record
from job.errors import ConfigError, DatabaseUnavailable, ExitCode, JobError, Terminated
from job.execution import finalize as finalize_module
from job.execution import parallel
from job.execution.finalize import finalize
from job.execution.opening import address_of, open_run
from job.execution.parallel import EpochDone, News, WindowEnded, num_processors, run_windows
from job.execution.window_attempt import attempt_window
from job.records import FailureRecord
from job.run.address import RunAddress
from job.run.attempt import now_ms
from job.run.plan import publish_plan
from job.run.run import Run
from job.run.state import window_states
from tests.support import workers
from tests.support.small_run import MAX_ATTEMPTS, NUM_WINDOWS, RUN_ID, objects_of, open_small_run, small_settings

LIMIT_SECONDS = 60.0


@pytest.fixture
def address(tmp_path: Path) -> RunAddress:
    """A place that the stand-in workers note their starts in."""
    return RunAddress(
        run_id=RUN_ID,
        save_path=str(tmp_path),
        ledger_path=str(tmp_path),
        conninfo="",
        device="cpu",
        threads=1,
    )


@pytest.fixture(autouse=True)
def no_orphans() -> Iterator[None]:
    """After each test every process that it started has ended, and been waited for."""
    yield
    assert multiprocessing.active_children() == []


def run_with(worker: Any, address: RunAddress, indexes: list[int], monkeypatch: pytest.MonkeyPatch) -> list[News]:
    """Let the pool mind these workers; return their news."""
    monkeypatch.setattr(parallel, "_work", worker)
    news: list[News] = []
    run_windows(address, indexes, num_workers=2, on_news=news.append)
    return news


def is_alive(process: int) -> bool:
    """Whether a process runs; one that has ended and was not waited for does not."""
    try:
        return "\nState:\tZ" not in Path(f"/proc/{process}/status").read_text()
    except OSError:
        return False


def wait_for(condition: Any) -> None:
    """Until it holds, or too long."""
    deadline = time.monotonic() + LIMIT_SECONDS
    while not condition():
        assert time.monotonic() < deadline, "it took too long"
        time.sleep(0.01)


def test_every_window_is_run_once_and_idle_workers_end_at_once(
    address: RunAddress, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two workers share five windows; when the last has ended, so have they within a second."""
    stop = parallel._Pool.stop
    seconds: list[float] = []

    def timed(pool: Any) -> None:
        started = time.monotonic()
        stop(pool)
        seconds.append(time.monotonic() - started)

    monkeypatch.setattr(parallel._Pool, "stop", timed)
    news = run_with(workers.succeed, address, [4, 0, 2, 1, 3], monkeypatch)
    assert sorted(each.index for each in news) == [0, 1, 2, 3, 4]
    starts = workers.notes_of(Path(address.save_path))
    assert len(starts) == 5
    assert len({process for _, process in starts}) <= 2
    assert seconds[0] < 1


def test_window_that_kills_its_worker_every_time_fails_for_good(
    address: RunAddress, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Three processes die over it, then it has a failure that says how; the others are done."""
    news = run_with(workers.die, address, [0, 1, 2], monkeypatch)
    errors = {each.index: each.error for each in news if isinstance(each, WindowEnded)}
    assert (errors.pop(0), errors.pop(2)) == (None, None)
    assert "signal 9 (Killed)" in str(errors[1])
    starts = workers.notes_of(Path(address.save_path))
    assert len({process for index, process in starts if index == 1}) == parallel.MAX_ATTEMPTS
    key = RunKeys(RUN_ID).window_failure(1)
    stored = LocalStore(Path(address.save_path)).get(key)
    assert stored is not None
    failure = parse_record(FailureRecord, stored.data, where=key)
    assert (failure.index, failure.exit_code) == (1, ExitCode.BUG)
    assert "--workers" in failure.remedy


def test_worker_that_dies_before_it_reads_is_replaced(address: RunAddress, monkeypatch: pytest.MonkeyPatch) -> None:
    """A pipe that was reset, with a window unread in it, is a death like any other."""
    news = run_with(workers.die_unasked, address, [0, 1], monkeypatch)
    assert sorted((each.index, each.error) for each in news if isinstance(each, WindowEnded)) == [(0, None), (1, None)]


def test_error_that_concerns_all_windows_stops_all_workers(
    address: RunAddress, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Bad data of one window stops nothing; a wrong setting ends the others where they are, and leaves no zombie."""
    started = time.monotonic()
    with pytest.raises(ConfigError, match="No bucket") as caught:
        run_with(workers.refuse, address, [0, 1, 2, 3], monkeypatch)
    assert caught.value.remedy == "Make one."
    assert time.monotonic() - started < workers.LONG_SECONDS / 2
    starts = workers.notes_of(Path(address.save_path))
    assert {index for index, _ in starts} == {0, 1, 2}
    assert not [process for _, process in starts if is_alive(process)]


def test_worker_that_no_request_reaches_is_killed(address: RunAddress, monkeypatch: pytest.MonkeyPatch) -> None:
    """When the parent is asked to stop it waits for its workers, and not for ever."""
    monkeypatch.setattr(parallel, "STOP_SECONDS", 0.3)
    monkeypatch.setattr(interruption, "_requested", [])
    check = interruption.check

    def ask_when_both_hang() -> None:
        if len(workers.notes_of(Path(address.save_path))) == 2:
            monkeypatch.setattr(interruption, "_requested", [Terminated])
        check()

    monkeypatch.setattr(interruption, "check", ask_when_both_hang)
    started = time.monotonic()
    with pytest.raises(Terminated):
        run_with(workers.ignore_everything, address, [0, 1, 2], monkeypatch)
    assert time.monotonic() - started < workers.LONG_SECONDS / 2
    assert not [process for _, process in workers.notes_of(Path(address.save_path)) if is_alive(process)]


def test_lines_of_workers_are_the_parents(address: RunAddress, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the names of run and window that they were bound to, at their level; the news stay as they are."""
    with capture_logs() as lines:
        news = run_with(workers.log_a_line, address, [0], monkeypatch)
    assert [type(each) for each in news] == [WindowEnded]
    assert lines == [{"event": "window_ended", "log_level": "error", "window_index": 0, "exit_code": 65}]


@pytest.fixture
def own_process(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """What a worker sets for its whole process, logs and signal handlers, is not set for this one."""
    monkeypatch.setattr(parallel, "hand_over_logs", lambda _: None)
    handlers = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    yield
    for number, handler in handlers.items():
        signal.signal(number, handler)


@pytest.mark.usefixtures("own_process")
def test_worker_answers_until_it_is_told_to_stop(address: RunAddress, monkeypatch: pytest.MonkeyPatch) -> None:
    """One answer a window; one that was asked to leave its window ends without an answer, as good as dead."""
    ours, theirs = multiprocessing.Pipe()
    answers: dict[int, JobError | None] = {
        0: None,
        1: DatabaseUnavailable("Away."),
        2: Terminated("Stopped."),
    }
    monkeypatch.setattr(parallel, "_run_one", lambda _address, index, _pipe: answers[index])
    for index in (0, 1, None, 2):
        ours.send(index)
    parallel._work(address, theirs)
    parallel._work(address, theirs)
    received = [ours.recv() for _ in range(2)]
    assert [(each.index, str(each.error)) for each in received] == [(0, "None"), (1, "Away.")]
    assert not ours.poll()
    ours.close()
    parallel._work(address, theirs)


def test_window_of_a_worker_whose_parent_has_gone_was_stopped(small_market: str, tmp_path: Path) -> None:
    """It notices at its next epoch, notes that it was stopped, and the window keeps its attempts."""
    settings = small_settings(tmp_path, model="lorentzian")
    run = open_small_run(settings, small_market)
    ours, theirs = multiprocessing.Pipe()
    ours.close()
    for _ in range(parallel.MAX_ATTEMPTS):
        error = parallel._run_one(address_of(settings, run.plan, small_market), 0, theirs)
        assert isinstance(error, Terminated)
    (state, *_) = window_states(run.store, run.plan, now_ms=now_ms())
    assert state.attempt is not None and state.attempt.exit_code == ExitCode.TERMINATED
    assert state.state == "due"


def test_worker_tells_what_a_window_died_of(small_market: str, tmp_path: Path) -> None:
    """Our errors come back as they are; a bug comes back as one, with its place and without its text."""
    settings = small_settings(tmp_path)
    address = address_of(settings, open_small_run(settings, small_market).plan, small_market)
    _, pipe = multiprocessing.Pipe()
    error = parallel._run_one(replace(address, run_id="gone"), 0, pipe)
    assert isinstance(error, ConfigError)
    assert "no run gone" in error.message
    with capture_logs() as lines:
        error = parallel._run_one(address, NUM_WINDOWS, pipe)
    assert error is not None and error.exit_code is ExitCode.BUG
    assert error.message == "This is a bug in lorentzian: IndexError in window 3."
    assert [line["event"] for line in lines] == ["window_ended", "worker_failed"]


def test_processors_are_those_that_this_process_may_use(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where it may run, cut to what its container is given of their time; at least one."""
    quota = tmp_path / "cpu.max"
    monkeypatch.setattr(parallel, "CPU_QUOTA", quota)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(64)), raising=False)
    assert num_processors() == 64
    for content, expected in [("max 100000\n", 64), ("400000 100000\n", 4), ("50000 100000\n", 1), ("", 64)]:
        quota.write_text(content)
        assert num_processors() == expected


@pytest.mark.slow
def test_windows_of_workers_that_were_killed_equal_windows_in_any_order(
    small_market: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A worker is killed in the middle of a window: its run ends as one whose windows ran here, shuffled, in peace."""
    settings = small_settings(tmp_path / "parallel", model="lorentzian")
    run = open_small_run(settings, small_market)
    shuffled = _same_plan(run, tmp_path / "shuffled", small_market)
    for index in (2, 0, 1):
        attempt_window(shuffled, index, max_attempts=MAX_ATTEMPTS)
    monkeypatch.setattr(finalize_module, "report_objects", lambda *_: {})
    killed: list[int] = []

    def kill_one(news: News) -> None:
        if isinstance(news, EpochDone) and not killed:
            victim = multiprocessing.active_children()[0]
            assert victim.pid is not None
            os.kill(victim.pid, signal.SIGKILL)
            killed.append(victim.pid)

    run_windows(address_of(settings, run.plan, small_market), range(NUM_WINDOWS), num_workers=1, on_news=kill_one)
    assert killed
    attempts = [info.key for info in run.store.list(run.keys.root) if "/attempts/" in info.key]
    assert len(attempts) == NUM_WINDOWS + 1
    assert finalize(run).summary == finalize(shuffled).summary
    assert objects_of(run.store, run.keys.root) == objects_of(shuffled.store, run.keys.root)


def test_sigterm_ends_the_parent_and_its_workers(tmp_path: Path) -> None:
    """It ends with 143 when its workers have left their windows; none outlives it, and what was finished stays."""
    process = subprocess.Popen([sys.executable, "-m", "tests.support.workers", str(tmp_path)], stderr=subprocess.PIPE)
    wait_for(lambda: (tmp_path / "finished-0").exists() and len(workers.notes_of(tmp_path)) == 3)
    process.send_signal(signal.SIGTERM)
    _, said = process.communicate(timeout=LIMIT_SECONDS)
    assert process.returncode == ExitCode.TERMINATED, said
    assert sorted(path.name for path in tmp_path.glob("finished-*")) == ["finished-0"]
    assert sorted(path.name for path in tmp_path.glob("left-*")) == ["left-1", "left-2"]
    assert not [each for _, each in workers.notes_of(tmp_path) if is_alive(each)]


def test_workers_do_not_outlive_a_parent_that_is_killed(tmp_path: Path) -> None:
    """SIGKILL gives the parent no time for anything: its workers notice by themselves."""
    process = subprocess.Popen([sys.executable, "-m", "tests.support.workers", str(tmp_path)])
    wait_for(lambda: len(workers.notes_of(tmp_path)) == 3)
    process.kill()
    process.wait()
    wait_for(lambda: not [each for _, each in workers.notes_of(tmp_path) if is_alive(each)])


def _same_plan(run: Run, folder: Path, conninfo: str) -> Run:
    """The same run in another place, created in the same second."""
    publish_plan(LocalStore(folder), run.plan)
    settings = small_settings(folder, model="lorentzian")
    return open_run(address_of(settings, run.plan, conninfo))
