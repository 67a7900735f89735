"""A ``lorentzian`` that has its libraries loaded: each command is a fork of it, in a session of its own.

Loading torch, scikit-learn and matplotlib takes most of a small command's time, and a dozen commands would load them
a dozen times. What a fork runs is the program itself, from its command line to its exit code; before that, whatever a
test wants to be otherwise in that process.

Run as a program with the number of a socket: takes one command after the other from there until it is closed. Each
command has a minder, which waits for it and tells its test how it ended, so that many may run at once.
"""

import fcntl
import json
import os
import signal
import socket
import subprocess
import sys
import termios
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import IO, Any, NoReturn

LOADED = (
    "job.artifacts.s3",
    "job.commands.finalize_run",
    "job.commands.walkforward",
    "job.commands.window",
    "job.execution.training",
    "job.settings.commands",
    "lightgbm",
    "llvmlite.binding",
    "PIL.JpegImagePlugin",
    "scipy.signal",
    "sklearn.linear_model",
    "torch._dynamo",
)
MAX_MESSAGE_BYTES = 1 << 18


@dataclass(frozen=True, kw_only=True)
class Preparation:
    """A function that a command's process calls first: of an importable module, with arguments that JSON can carry."""

    module: str
    function: str
    arguments: Mapping[str, Any] = field(default_factory=dict)


class WarmProcess:
    """A command that runs; like `subprocess.Popen`, as far as tests need it."""

    def __init__(self, channel: socket.socket) -> None:
        self._channel = channel
        self.pid = int(channel.recv(MAX_MESSAGE_BYTES))
        self._code: int | None = None

    def wait(self, timeout: float | None = None) -> int:
        """The exit code; minus the signal's number where one killed it."""
        if self._code is None:
            self._channel.settimeout(timeout)
            self._code = int(self._channel.recv(MAX_MESSAGE_BYTES))
            self._channel.close()
        return self._code


class WarmLorentzian:
    """Starts commands."""

    def __init__(self, channel: socket.socket) -> None:
        self._channel = channel

    def start(
        self,
        arguments: Sequence[str],
        *,
        env: Mapping[str, str],
        cwd: Path,
        out: IO[bytes],
        err: IO[bytes],
        prepare: Sequence[Preparation] = (),
    ) -> WarmProcess:
        """Start a command that writes into two files; where they are a terminal, that is its own."""
        request = {
            "arguments": list(arguments),
            "env": dict(env),
            "cwd": str(cwd),
            "prepare": [[each.module, each.function, dict(each.arguments)] for each in prepare],
        }
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            files = [theirs.fileno(), out.fileno(), err.fileno()]
            socket.send_fds(self._channel, [json.dumps(request).encode()], files)
        return WarmProcess(ours)


@contextmanager
def warm_lorentzian() -> Iterator[WarmLorentzian]:
    """Load the libraries once, and start commands until the block ends."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with ours, theirs:
        process = subprocess.Popen(
            [sys.executable, "-P", __file__, str(theirs.fileno())], pass_fds=[theirs.fileno()], stdin=subprocess.DEVNULL
        )
        theirs.close()
        yield WarmLorentzian(ours)
    process.wait()


def serve(channel: socket.socket) -> None:
    """Fork a minder for each command."""
    for name in LOADED:
        import_module(name)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for minders
    while True:
        message, files, _, _ = socket.recv_fds(channel, MAX_MESSAGE_BYTES, 3)
        if not message:
            return
        if os.fork() == 0:
            channel.close()
            _mind(json.loads(message), files)
        for file in files:
            os.close(file)


def _mind(request: dict[str, Any], files: Sequence[int]) -> NoReturn:
    """Fork the command; tell its number, and then its exit code."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    pid = os.fork()
    if pid == 0:
        os.close(files[0])
        _become(request, files[1:])
    told = socket.socket(fileno=files[0])
    told.send(str(pid).encode())
    _, status = os.waitpid(pid, 0)
    told.send(str(os.waitstatus_to_exitcode(status)).encode())
    os._exit(0)


def _become(request: dict[str, Any], files: Sequence[int]) -> NoReturn:
    os.setsid()
    for target, file in zip((1, 2), files, strict=True):
        os.dup2(file, target)
        os.close(file)
    # What stood here knows how its own file is written.
    sys.stdout = open(1, "w", closefd=False)  # noqa: SIM115
    sys.stderr = open(2, "w", buffering=1, errors="backslashreplace", closefd=False)  # noqa: SIM115
    if os.isatty(1):
        os.dup2(1, 0)
        fcntl.ioctl(0, termios.TIOCSCTTY, 0)  # Ctrl-C in it is a signal to the whole group
    os.chdir(request["cwd"])
    os.environ.clear()
    os.environ.update(request["env"])
    from job.__main__ import main

    code = 1
    try:
        if request["prepare"]:
            sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
        for module, function, arguments in request["prepare"]:
            getattr(import_module(module), function)(**arguments)
        main(request["arguments"])
    except SystemExit as ended:
        code = int(ended.code or 0)
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


if __name__ == "__main__":
    serve(socket.socket(fileno=int(sys.argv[1])))
