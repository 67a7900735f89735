"""Run ``lorentzian`` as its user does, and hold what it writes to the rules of its interface."""

import json
import os
import shutil
import signal
import subprocess
import sysconfig
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.support.warm_commands import WarmLorentzian, WarmProcess

CANARY = "canary-5ecret"  # in every password and key that a test hands out; must never come out again
TIMEOUT_S = 240.0
# The machine's own settings would decide what a test finds.
FOREIGN = ("AWS_", "PG", "LORENTZIAN_", "KUBERNETES_", "DATABASE_URL", "JOB_COMPLETION_INDEX", "NO_COLOR", "COLUMNS")


@dataclass(frozen=True, kw_only=True)
class Result:
    """How a command ended, and what it wrote.

    Parameters
    ----------
    code : exit code.
    out, err : stdout and stderr.
    events : the log lines of stderr.
    error : the sentence and remedy that a failed command ends with; empty after success.
    """

    code: int
    out: str
    err: str
    events: tuple[dict[str, Any], ...]
    error: str

    def event(self, name: str) -> dict[str, Any]:
        """The first log line of this event."""
        return next(event for event in self.events if event["event"] == name)


@dataclass(frozen=True, kw_only=True)
class RunningCommand:
    """A command that was started, and waits for nobody."""

    process: "subprocess.Popen[bytes] | WarmProcess"
    finish: Callable[[], Result]

    def send(self, number: signal.Signals, *, to_group: bool) -> None:
        """Send a signal: to the whole group, as a terminal does, or to the process alone, as a cluster does."""
        (os.killpg if to_group else os.kill)(self.process.pid, number)

    def is_group_gone(self, timeout_s: float = 10.0) -> bool:
        """Whether no process of its group is left, or is in a moment."""
        deadline = time.monotonic() + timeout_s
        while time.monotonic() < deadline:
            try:
                os.killpg(self.process.pid, 0)
            except ProcessLookupError:
                return True
            time.sleep(0.05)
        return False


def executable() -> str:
    """The installed command."""
    found = shutil.which("lorentzian", path=sysconfig.get_path("scripts"))
    assert found is not None, "lorentzian is not installed beside this Python"
    return found


def clean_environment(env: Mapping[str, str] | None = None) -> dict[str, str]:
    """The environment of this process without settings of ours or of our libraries, and ``env``."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(FOREIGN)}
    return kept | dict(env or {})


def run_lorentzian(arguments: Sequence[str], env: Mapping[str, str] | None = None, **how: Any) -> Result:
    """Run a command to its end; ``how`` as for `started_lorentzian`."""
    with started_lorentzian(arguments, env, **how) as running:
        return running.finish()


@contextmanager
def started_lorentzian(
    arguments: Sequence[str],
    env: Mapping[str, str] | None = None,
    *,
    cwd: Path | str = "/",
    warm: WarmLorentzian | None = None,
    prefix: Sequence[str] = (),
    timeout_s: float = TIMEOUT_S,
) -> Iterator[RunningCommand]:
    """Start a command in a session of its own, with stdout and stderr apart.

    Parameters
    ----------
    arguments : the command line after ``lorentzian``.
    env : on top of `clean_environment`.
    cwd : where it runs.
    warm : forks it from a process that has its libraries loaded.
    prefix : a program that runs it under other rights.
    timeout_s : a command that takes longer is killed, and its test fails.
    """
    environment = clean_environment(env)
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        process: subprocess.Popen[bytes] | WarmProcess
        if warm is not None:
            process = warm.start(arguments, env=environment, cwd=Path(cwd), out=out, err=err)
        else:
            process = subprocess.Popen(
                [*prefix, executable(), *arguments],
                env=environment,
                cwd=cwd,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
                start_new_session=True,
            )

        def finish() -> Result:
            code = process.wait(timeout=timeout_s)
            for file in (out, err):
                file.seek(0)
            return checked_result(code, out.read().decode(), err.read().decode())

        try:
            yield RunningCommand(process=process, finish=finish)
        finally:
            with suppress(ProcessLookupError):  # of a test that failed; whatever has ended is gone
                os.killpg(process.pid, signal.SIGKILL)
            process.wait(timeout=TIMEOUT_S)


def checked_result(code: int, out: str, err: str) -> Result:
    """The result, if it keeps the rules.

    No secret and no traceback; stderr in a pipe holds JSON lines alone, and after a failure one last line for
    people: what went wrong, and what to do.
    """
    written = f"exit code {code}\n{out}\n{err}"
    assert CANARY not in written
    assert "Traceback" not in written
    lines = err.splitlines()
    error = lines.pop().removeprefix("lorentzian: ") if code != 0 and lines else ""
    assert (code == 0) == (error == ""), written
    assert error == "" or is_sentence_with_remedy(error), error
    events = []
    for line in lines:
        event = json.loads(line)
        assert {"event", "level", "timestamp"} <= event.keys(), line
        events.append(event)
    return Result(code=code, out=out, err=err, events=tuple(events), error=error)


def is_sentence_with_remedy(error: str) -> bool:
    """Two whole sentences at least: one says what is wrong, another what to do."""
    return error[-1] in ".?)" and any(end in error for end in (". ", "? "))
