"""Run ``lorentzian`` in a terminal of 80 columns, as a person sees it."""

import fcntl
import os
import pty
import re
import select
import struct
import subprocess
import termios
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.support.commands import CANARY, TIMEOUT_S, clean_environment, executable
from tests.support.warm_commands import WarmLorentzian, WarmProcess

ROWS, COLUMNS = 24, 80
CTRL_C = b"\x03"
ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


@dataclass(frozen=True, kw_only=True)
class Screen:
    """How a command ended, and all that it drew.

    Parameters
    ----------
    code : exit code.
    raw : with the terminal's escape sequences.
    text : without them; what is drawn over is still there.
    is_group_gone : whether no process of it was left a few seconds later.
    """

    code: int
    raw: str
    text: str
    is_group_gone: bool


def run_in_terminal(
    arguments: Sequence[str],
    env: Mapping[str, str] | None = None,
    *,
    cwd: Path | str = "/",
    warm: WarmLorentzian | None = None,
    cancel_at: str | None = None,
) -> Screen:
    """Run a command to its end; ``cancel_at`` presses Ctrl-C once these words have appeared.

    ``warm`` forks it from a process that has its libraries loaded.
    """
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
    environment = clean_environment({"TERM": "xterm-256color", **(env or {})})
    process: subprocess.Popen[bytes] | WarmProcess
    with open(theirs, "wb", buffering=0) as screen:
        if warm is not None:
            process = warm.start(arguments, env=environment, cwd=Path(cwd), out=screen, err=screen)
        else:
            process = subprocess.Popen(
                [executable(), *arguments],
                env=environment,
                cwd=cwd,
                stdin=screen,
                stdout=screen,
                stderr=screen,
                preexec_fn=_take_terminal,  # noqa: PLW1509 - this process has no threads that hold locks the child needs
            )
    drawn = _read_all(ours, cancel_at)
    code = process.wait(timeout=TIMEOUT_S)
    assert CANARY not in drawn
    return Screen(code=code, raw=drawn, text=ESCAPES.sub("", drawn), is_group_gone=_is_group_gone(process.pid))


def _take_terminal() -> None:
    """Begin a session whose terminal is stdin, so that Ctrl-C in it is a signal to the whole group."""
    os.setsid()
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)


def _read_all(terminal: int, cancel_at: str | None) -> str:
    """What is drawn until the last process that has the terminal ends."""
    drawn = b""
    deadline = time.monotonic() + TIMEOUT_S
    while True:
        assert time.monotonic() < deadline, drawn.decode(errors="replace")
        if not select.select([terminal], [], [], 1.0)[0]:
            continue
        try:
            part = os.read(terminal, 1 << 16)
        except OSError:  # Linux's word for a terminal that nobody has open any more
            part = b""
        if not part:
            os.close(terminal)
            return drawn.decode()
        drawn += part
        if cancel_at is not None and cancel_at in drawn.decode(errors="replace"):
            os.write(terminal, CTRL_C)
            cancel_at = None


def _is_group_gone(group: int) -> bool:
    for _ in range(100):
        try:
            os.killpg(group, 0)
        except ProcessLookupError:
            return True
        time.sleep(0.05)
    return False
