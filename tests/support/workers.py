"""What workers do in tests of the pool that minds them: real processes, importable by a new interpreter, light."""

import os
import signal
import sys
import time
from multiprocessing.connection import Connection
from pathlib import Path
from typing import NoReturn, TypeAlias

from job import interruption
from job.errors import ConfigError, DataError, JobError, Terminated
from job.execution import parallel
from job.execution.parallel import EpochDone, LogLine, News, WindowEnded
from job.run.address import RunAddress

LONG_SECONDS = 120.0
Pipe: TypeAlias = "Connection[News | LogLine, int | None]"


def succeed(address: RunAddress, pipe: Pipe) -> None:
    """Finish every window at once."""
    while (index := pipe.recv()) is not None:
        _note(address, index)
        pipe.send(WindowEnded(index=index, error=None))


def log_a_line(address: RunAddress, pipe: Pipe) -> None:
    """Fail in every window as far as the log is told."""
    while (index := pipe.recv()) is not None:
        _note(address, index)
        line = {"event": "window_ended", "level": "error", "window_index": index, "exit_code": 65}
        pipe.send(LogLine(event=line))
        pipe.send(WindowEnded(index=index, error=None))


def die(address: RunAddress, pipe: Pipe) -> None:
    """Die over window 1, as when memory runs out; finish every other."""
    while (index := pipe.recv()) is not None:
        _note(address, index)
        if index == 1:
            os.kill(os.getpid(), signal.SIGKILL)
        pipe.send(WindowEnded(index=index, error=None))


def die_unasked(address: RunAddress, pipe: Pipe) -> None:
    """The first to come dies before it has read what to do; the others succeed."""
    marker = Path(address.save_path) / "died"
    if not marker.exists():
        marker.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    succeed(address, pipe)


def refuse(address: RunAddress, pipe: Pipe) -> None:
    """Window 0 has bad data, window 1 finds a wrong setting; the others take very long."""
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    while (index := pipe.recv()) is not None:
        _note(address, index)
        if index > 1:
            time.sleep(LONG_SECONDS)
        errors = {0: DataError("Bad bars.", remedy="Look."), 1: ConfigError("No bucket.", remedy="Make one.")}
        while index == 1 and not _notes(address, 2):
            time.sleep(0.01)
        pipe.send(WindowEnded(index=index, error=errors.get(index)))


def ignore_everything(address: RunAddress, pipe: Pipe) -> None:
    """Hang in something that no request reaches."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    index = pipe.recv()
    assert index is not None
    _note(address, index)
    time.sleep(LONG_SECONDS)


def obey(address: RunAddress, pipe: Pipe) -> None:
    """Finish window 0, and work on every other one until asked to leave it, or until the parent has gone."""
    signal.signal(signal.SIGTERM, interruption.request_termination)
    folder = Path(address.save_path)
    while (index := pipe.recv()) is not None:
        _note(address, index)
        try:
            while index > 0:
                interruption.check()
                pipe.send(EpochDone(index=index, part=0, epoch=0, loss=0.0))
                time.sleep(0.05)
        except Terminated:
            (folder / f"left-{index}").touch()
            return
        (folder / f"finished-{index}").touch()
        pipe.send(WindowEnded(index=index, error=None))


def main(save_path: str) -> NoReturn:
    """Run four windows with two workers that obey, under the handlers and the exit codes of the entry point."""
    signal.signal(signal.SIGTERM, interruption.request_termination)
    parallel._work = obey
    address = RunAddress(run_id="a", save_path=save_path, ledger_path=save_path, conninfo="", device="cpu", threads=1)
    try:
        parallel.run_windows(address, range(4), num_workers=2, on_news=lambda _: None)
    except JobError as error:
        raise SystemExit(int(error.exit_code)) from None
    raise SystemExit(0)


def notes_of(save_path: Path) -> list[tuple[int, int]]:
    """Window and process of every start, in order."""
    starts = sorted(save_path.glob("start-*"), key=lambda path: path.stat().st_mtime_ns)
    return [(int(index), int(process)) for index, process in (path.name.split("-")[1:3] for path in starts)]


def _note(address: RunAddress, index: int) -> None:
    (Path(address.save_path) / f"start-{index}-{os.getpid()}").touch()


def _notes(address: RunAddress, index: int) -> bool:
    return any(each == index for each, _ in notes_of(Path(address.save_path)))


if __name__ == "__main__":
    main(sys.argv[1])
