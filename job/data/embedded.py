"""The embedded database: a Postgres server of one's own in the user's data folder, for as long as somebody uses it.

The first user starts the server and the last one stops it. A user is a lock that the kernel holds for an open file:
it vanishes with its process, so a killed user is never counted, and a server whose users were all killed is
adopted by the next. Worker processes are given the connection string and are not users.
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from psycopg import sql

from job.data.postgres import connect
from job.data.server_process import ServerProcess
from job.errors import ConfigError, JobError

_LONGEST_NAME = 63  # bytes; Postgres would cut the rest off and mix up two databases


def default_folder() -> Path:
    """Where the embedded server lives: ``$XDG_DATA_HOME`` or ``~/.local/share``, and ``/var/lib`` for root.

    Root's home is closed to the account that must run Postgres then.
    """
    configured = Path(os.environ.get("XDG_DATA_HOME", ""))
    if configured.is_absolute():
        data_home = configured
    elif os.geteuid() == 0:
        data_home = Path("/var/lib")
    else:
        data_home = Path.home() / ".local" / "share"
    return data_home / "lorentzian-trainer" / "postgres"


@contextmanager
def embedded_database(name: str, *, folder: Path | None = None) -> Iterator[str]:
    """The connection string of a database that exists, on a server that runs, until the end of the block.

    Parameters
    ----------
    name : str
        Created when absent. One database per source of data keeps them apart: ``binance``, ``synthetic_3_edge``,
        ``files_<hash>``.
    folder : Path, optional
        `default_folder` unless given. As root its parents must let other accounts pass.

    Raises
    ------
    ConfigError
        When the wheel is not installed, the folder is not writable or belongs to another Postgres version, or the
        server cannot run.
    DatabaseUnavailable
        When the server runs and does not answer.
    """
    if not 0 < len(name.encode()) <= _LONGEST_NAME:
        raise ValueError(f"database name {name!r} is not 1 to {_LONGEST_NAME} bytes long")
    folder = _make_folder(folder or default_folder())
    server = ServerProcess(folder=folder)
    with open(folder / "users.lock", "w") as users:
        try:
            with _alone(folder):
                fcntl.flock(users, fcntl.LOCK_SH)
                _ensure_running(server, folder)
                _create_database(server, name)
            yield server.conninfo(name)
        finally:
            with _alone(folder):
                if _is_last(users):
                    _stop(server)


def _make_folder(folder: Path) -> Path:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        folder = folder.resolve()
        with _alone(folder), open(folder / "users.lock", "w"):
            return folder
    except OSError as error:
        raise ConfigError(
            f"The folder of the embedded database, {folder}, is not writable: {error.strerror}.",
            remedy="Set XDG_DATA_HOME to a folder that is, or set DATABASE_URL to another server.",
        ) from error


def _ensure_running(server: ServerProcess, folder: Path) -> None:
    try:
        server.ensure_running()
    except OSError as error:
        raise ConfigError(
            f"The embedded database in {folder} cannot be used: {error.strerror}.",
            remedy="Run as the user who made it, set XDG_DATA_HOME to another folder, or set DATABASE_URL.",
        ) from error


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """While one process starts or stops the server, the others wait."""
    with open(folder / "state.lock", "w") as state:
        fcntl.flock(state, fcntl.LOCK_EX)
        yield


def _is_last(users: IO[str]) -> bool:
    try:
        fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _create_database(server: ServerProcess, name: str) -> None:
    with connect(server.conninfo("postgres")) as connection:
        exists = connection.execute("SELECT FROM pg_database WHERE datname = %s", [name]).fetchone()
        if exists is None:
            connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))


def _stop(server: ServerProcess) -> None:
    # The work is done, and a server that would not stop is adopted by the next start: no reason to fail.
    with suppress(JobError, OSError):
        server.stop()
