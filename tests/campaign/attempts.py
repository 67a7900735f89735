"""One start of a command that something may happen to, and how it ended."""

import json
import os
import select
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from tests.campaign.faults import Fault
from tests.support.commands import checked_result, clean_environment, executable
from tests.support.warm_commands import Preparation, WarmLorentzian, WarmProcess

TIMEOUT_S = 300.0
UNSTARTED = -signal.SIGTERM  # before the program had its handlers; the kernel's own end, and 143 for a cluster


@dataclass(frozen=True, kw_only=True)
class Ending:
    """How an attempt ended.

    Parameters
    ----------
    code : exit code; minus the signal's number where one killed it.
    error : the sentences that a command ends with that failed by itself.
    events : the whole log lines of stderr.
    seconds_to_leave : from a SIGTERM to the end; None where none was sent from outside.
    """

    code: int
    out: str
    error: str
    events: tuple[dict[str, Any], ...]
    seconds_to_leave: float | None

    @property
    def is_killed(self) -> bool:
        """Whether SIGKILL ended it."""
        return self.code == -signal.SIGKILL

    @property
    def is_stopped(self) -> bool:
        """Whether SIGTERM ended it."""
        return self.code in (128 + signal.SIGTERM, UNSTARTED)

    @property
    def place(self) -> str:
        """Where a fault of its own struck it; empty for one from outside."""
        return next(
            (f"{each['place']} {each['what']}".strip() for each in self.events if each["event"] == "struck"), ""
        )

    def fits(self) -> list[tuple[str, float]]:
        """The fits that it finished, in order, and the seconds of each."""
        return [(each["fit"], each["seconds"]) for each in self.events if each["event"] == "fit_finished"]


class Attempt:
    """A command that runs, in a session of its own.

    Parameters
    ----------
    arguments, env : as for a shell.
    warm : forks it from a process with its libraries loaded; None starts a new interpreter.
    fault : armed in it; only with ``warm``.
    preparations : what else is otherwise in it.
    """

    def __init__(
        self,
        arguments: Sequence[str],
        env: dict[str, str],
        *,
        warm: WarmLorentzian | None,
        fault: Fault | None = None,
        preparations: Sequence[Preparation] = (),
    ) -> None:
        assert warm is not None or fault is None
        self._out, self._err = (tempfile.TemporaryFile() for _ in range(2))  # noqa: SIM115 - `finish` closes them
        self._process = _start(arguments, env, warm, (self._out, self._err), [*preparations, *_prepared(fault)])
        self._handle = os.pidfd_open(self._process.pid)
        self._stopped_at: float | None = None

    def send(self, number: int) -> None:
        """Send a signal to the process, unless it has gone."""
        with suppress(ProcessLookupError):
            signal.pidfd_send_signal(self._handle, number)
            if number == signal.SIGTERM:
                self._stopped_at = time.monotonic()

    def is_running(self) -> bool:
        """Whether it has not ended yet."""
        return not select.select([self._handle], [], [], 0)[0]

    def children(self) -> list[int]:
        """The processes that it has started itself."""
        with suppress(OSError):
            path = f"/proc/{self._process.pid}/task/{self._process.pid}/children"
            return [int(number) for number in Path(path).read_text().split()]
        return []

    def finish(self) -> Ending:
        """Wait for its end, and hold what it wrote to the rules unless it was killed."""
        code = self._process.wait(timeout=TIMEOUT_S)
        left_s = None if self._stopped_at is None else time.monotonic() - self._stopped_at
        os.close(self._handle)
        out, err = (_read(file) for file in (self._out, self._err))
        error = "" if code in (-signal.SIGKILL, UNSTARTED) else checked_result(code, out, err).error
        return Ending(code=code, out=out, error=error, events=_events(err), seconds_to_leave=left_s)


def finish_all(attempts: Sequence[Attempt], strike: Callable[[], None] = lambda: None) -> list[Ending]:
    """What becomes of attempts side by side, after something has happened to them."""
    strike()
    return [attempt.finish() for attempt in attempts]


def _prepared(fault: Fault | None) -> list[Preparation]:
    return [] if fault is None else [fault.preparation]


def _start(
    arguments: Sequence[str],
    env: dict[str, str],
    warm: WarmLorentzian | None,
    files: tuple[IO[bytes], IO[bytes]],
    preparations: Sequence[Preparation],
) -> "WarmProcess | subprocess.Popen[bytes]":
    out, err = files
    environment = clean_environment(env)
    if warm is not None:
        return warm.start(arguments, env=environment, cwd=Path("/"), out=out, err=err, prepare=preparations)
    command = [executable(), *arguments]
    return subprocess.Popen(
        command, env=environment, cwd="/", stdin=subprocess.DEVNULL, stdout=out, stderr=err, start_new_session=True
    )


def _read(file: IO[bytes]) -> str:
    with file:
        file.seek(0)
        return file.read().decode()


def _events(err: str) -> tuple[dict[str, Any], ...]:
    """The log lines; the last may be cut off."""
    found = []
    for line in err.splitlines():
        with suppress(json.JSONDecodeError):
            found.append(json.loads(line))
    return tuple(each for each in found if isinstance(each, dict) and "event" in each)
