"""A ``lorentzian`` that has its libraries loaded: each command is a fork of it, in a session of its own.

Loading torch, scikit-learn and matplotlib takes most of a small command's time, and a dozen commands would load them
a dozen times. What a fork runs is the program itself, from its command line to its exit code.

Run as a program with the number of a socket: takes one command after the other from there until it is closed.
"""

import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, NoReturn

LOADED = ("job.execution.walkforward", "job.execution.training", "sklearn.linear_model", "torch._dynamo")
MAX_MESSAGE_BYTES = 1 << 18


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
            self._channel.settimeout(None)
        return self._code


class WarmLorentzian:
    """Starts commands, one at a time."""

    def __init__(self, channel: socket.socket) -> None:
        self._channel = channel

    def start(
        self, arguments: Sequence[str], *, env: Mapping[str, str], cwd: Path, out: IO[bytes], err: IO[bytes]
    ) -> WarmProcess:
        """Start a command that writes into two files."""
        request = json.dumps({"arguments": list(arguments), "env": dict(env), "cwd": str(cwd)}).encode()
        socket.send_fds(self._channel, [request], [out.fileno(), err.fileno()])
        return WarmProcess(self._channel)


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
    """Fork a process for each command, and answer with its number and then its exit code."""
    from importlib import import_module

    for name in LOADED:
        import_module(name)
    while True:
        message, files, _, _ = socket.recv_fds(channel, MAX_MESSAGE_BYTES, 2)
        if not message:
            return
        pid = os.fork()
        if pid == 0:
            channel.close()
            _become(json.loads(message), files)
        for file in files:
            os.close(file)
        channel.send(str(pid).encode())
        _, status = os.waitpid(pid, 0)
        channel.send(str(os.waitstatus_to_exitcode(status)).encode())


def _become(request: dict[str, Any], files: Sequence[int]) -> NoReturn:
    os.setsid()
    for target, file in zip((1, 2), files, strict=True):
        os.dup2(file, target)
        os.close(file)
    os.chdir(request["cwd"])
    os.environ.clear()
    os.environ.update(request["env"])
    from job.__main__ import main

    code = 1
    try:
        main(request["arguments"])
    except SystemExit as ended:
        code = int(ended.code or 0)
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


if __name__ == "__main__":
    serve(socket.socket(fileno=int(sys.argv[1])))
