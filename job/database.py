"""Which Postgres a command talks to: the one it was told of, or the embedded server on a machine of one's own."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import structlog
from psycopg import ProgrammingError
from psycopg.conninfo import make_conninfo

from job import interruption
from job.data.embedded import default_folder, embedded_database
from job.data.postgres import connect, invalid_conninfo
from job.errors import ConfigError
from job.settings.operation import DatabaseSettings

MAX_PASSWORD_BYTES = 4096  # the file may be a device, or no password at all
LIBPQ_NAMES = ("PGHOST", "PGHOSTADDR", "PGDATABASE", "PGSERVICE", "PGPORT", "PGUSER")


@contextmanager
def open_database(settings: DatabaseSettings) -> Iterator[str]:
    """Connection string of the database to use; the embedded server runs until the block ends.

    Parameters
    ----------
    settings : DatabaseSettings
        They also name the embedded server's database: one for each source of data, so that none mixes with another.

    Raises
    ------
    ConfigError
        Where a cluster's pod was given no database, the password file cannot be read, or the server refuses us.
    DatabaseUnavailable
        Where the server is still away after the seconds that the settings give it.
    """
    configured = _configured(settings)
    if configured is not None:
        # Waited for here, once: whoever connects later may be in the middle of something.
        with interruption.at_once():
            connect(configured, retry_seconds=settings.database_retry_seconds).close()
        yield configured
        return
    if "KUBERNETES_SERVICE_HOST" in os.environ:
        raise ConfigError(
            "No database is configured.",
            remedy="Set DATABASE_URL, or libpq's PGHOST, PGDATABASE, PGUSER and PGPASSWORD, from a Secret: it is the "
            "key DATABASE_URL of lorentzian-database, unless yours is called otherwise.",
        )
    interruption.check()
    with embedded_database(settings.embedded_database) as conninfo:
        folder = str(default_folder())
        structlog.get_logger().info("embedded_database_used", database=settings.embedded_database, folder=folder)
        yield conninfo


def is_embedded(settings: DatabaseSettings) -> bool:
    """Whether these settings mean the embedded server, for want of another."""
    return _configured(settings) is None


def _configured(settings: DatabaseSettings) -> str | None:
    password = _password(settings.database_password_file)
    if settings.database_url is not None:
        url = settings.database_url.get_secret_value()
        return _with_password(url, password)
    if any(name in os.environ for name in LIBPQ_NAMES):
        return _with_password("", password)
    return None


def _with_password(conninfo: str, password: str | None) -> str:
    try:
        return conninfo if password is None else make_conninfo(conninfo, password=password)
    except (ProgrammingError, UnicodeEncodeError):  # libpq's sentence repeats the string, and a password in it
        raise invalid_conninfo() from None


def _password(path: str | None) -> str | None:
    if path is None:
        return None
    try:
        with Path(path).open("rb") as file:
            password = file.read(MAX_PASSWORD_BYTES + 1).decode().rstrip("\r\n")
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not text in UTF-8"
        raise ConfigError(
            f"The database password file {path} cannot be read: {reason}.",
            remedy="Check the path, and that this user may read it.",
        ) from error
    if not 0 < len(password) <= MAX_PASSWORD_BYTES or {"\0", "\n"} & set(password):
        raise ConfigError(
            f"The database password file {path} does not hold one line with a password.",
            remedy="Write the password, and nothing else, into it.",
        )
    return password
