"""Which Postgres a command talks to: the one it was told of, or the embedded server on a machine of one's own."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import structlog
from psycopg.conninfo import make_conninfo

from job import interruption
from job.data.embedded import embedded_database
from job.data.postgres import connect
from job.errors import ConfigError
from job.settings.operation import DatabaseSettings

# What collect and import fill, and training reads, where nothing else was said.
DEFAULT_SOURCE = "binance"
LIBPQ_NAMES = ("PGHOST", "PGHOSTADDR", "PGDATABASE", "PGSERVICE", "PGPORT", "PGUSER")


@contextmanager
def open_database(settings: DatabaseSettings, *, source: str = DEFAULT_SOURCE) -> Iterator[str]:
    """Connection string of the database to use; the embedded server runs until the block ends.

    Parameters
    ----------
    settings : DatabaseSettings
    source : str
        Names the embedded server's database: one for each source of data, so that none mixes with another.

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
            remedy="Set DATABASE_URL, or libpq's PGHOST, PGDATABASE, PGUSER and PGPASSWORD, from a Secret.",
        )
    with embedded_database(source) as conninfo:
        structlog.get_logger().info("embedded_database_used", database=source)
        yield conninfo


def _configured(settings: DatabaseSettings) -> str | None:
    password = _password(settings.database_password_file)
    if settings.database_url is not None:
        url = settings.database_url.get_secret_value()
        return make_conninfo(url, password=password) if password is not None else url
    if any(name in os.environ for name in LIBPQ_NAMES):
        return make_conninfo("", password=password) if password is not None else ""
    return None


def _password(path: str | None) -> str | None:
    if path is None:
        return None
    try:
        return Path(path).read_text(encoding="utf-8").rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(
            f"The database password file {path} cannot be read: {type(error).__name__}.",
            remedy="Check the path, and that this user may read it.",
        ) from error
