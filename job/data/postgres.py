"""The edge to Postgres: how a connection is opened, and what its errors become. Knows no table.

Secrets: libpq's messages can repeat parts of a connection string, and a password with an unescaped ``@`` or ``/``
ends up in the host or the database name. So no message of ours repeats a string that failed to parse, and
implausible names are refused before anything prints them.
"""

import random
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final, TypeAlias, TypeVar

import psycopg
import structlog
from psycopg import errors as pg
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.pq import Conninfo, PGconn, Ping

from job import interruption
from job.data.watched_connection import ServerSilent, WatchedConnection
from job.errors import ConfigError, DatabaseUnavailable

Connection: TypeAlias = psycopg.Connection[tuple[Any, ...]]
Result = TypeVar("Result")

_OPTIONS: Final = {
    "application_name": "lorentzian",
    "connect_timeout": "10",
    "keepalives": "1",  # a node that vanished is noticed after a minute, not after the kernel's two hours
    "keepalives_idle": "30",
    "keepalives_interval": "10",
    "keepalives_count": "3",
}
_FIRST_WAIT_SECONDS = 0.2
_LONGEST_WAIT_SECONDS = 5.0
_NUM_TRIES = 3
_WHERE_IT_IS_SET = "DATABASE_URL, or the PGHOST, PGPORT, PGUSER, PGDATABASE variables"
_BUSY = re.compile(
    r"too many|slots are reserved|no more connections|starting up|shutting down|recovery|try again|terminating"
)
_ENCRYPTION = re.compile(r"does not support SSL|certificate|sslrootcert")
# libpq puts the severity, in the server's language, and two spaces before what a server says: only who has spoken can
# have refused. The rest are what libpq itself finds wrong with a string, or lacks.
_SPOKEN = re.compile(r"(?:^|failed: )[^\s:]+:  \S|invalid|password", re.MULTILINE)


@dataclass(frozen=True, kw_only=True)
class _Target:
    """What a connection string names, libpq's environment and defaults included; never the password."""

    host: str
    port: str
    user: str
    dbname: str

    def __str__(self) -> str:
        return f"Postgres at {self.host}:{self.port} (user {self.user!r}, database {self.dbname!r})"


def connect(conninfo: str, *, retry_seconds: float = 30.0) -> Connection:
    """Open a connection in autocommit mode with its time zone set to UTC.

    A server that is unreachable, starting up or full is tried again, with growing and jittered waits.

    Parameters
    ----------
    conninfo : str
        URL or ``key=value`` string; what it leaves out comes from libpq's ``PG*`` environment.
    retry_seconds : float
        No new attempt begins later than this.

    Raises
    ------
    ConfigError
        At once, when the server refuses the password, the role, the database or the encryption, or the string is not
        valid.
    DatabaseUnavailable
        When the server could not be reached in time.
    """
    params = _parse(conninfo)
    target = _target(params)
    deadline = time.monotonic() + retry_seconds
    longest_wait = _FIRST_WAIT_SECONDS
    while True:
        try:
            connection = WatchedConnection.connect(autocommit=True, **params)
            connection.execute("SET TIME ZONE 'UTC'")
            return connection
        except psycopg.ProgrammingError:
            raise invalid_conninfo() from None
        except psycopg.OperationalError as error:
            refusal = _refusal(error, params, target)
            if refusal is not None:
                raise refusal from None
            wait = longest_wait * random.uniform(0.5, 1.0)
            if time.monotonic() + wait >= deadline:
                raise DatabaseUnavailable(
                    f"{target} did not accept a connection within {retry_seconds:g} s{_why(error)}.",
                    remedy=f"Check that the server runs and that its address is right: {_WHERE_IT_IS_SET}.",
                ) from error
        time.sleep(wait)
        longest_wait = min(2 * longest_wait, _LONGEST_WAIT_SECONDS)


def on_connection(conninfo: str, work: Callable[[Connection], Result]) -> Result:
    """Do ``work`` on a connection of its own; where that breaks, on a new one, three times at most.

    Parameters
    ----------
    conninfo : see `connect`.
    work : what may be done again from its start, such as reading.

    Raises
    ------
    DatabaseUnavailable
        When the server went away under the last try, or did not come back.
    """
    for number in range(1, _NUM_TRIES + 1):
        try:
            with connect(conninfo) as connection:
                return work(connection)
        except DatabaseUnavailable as error:
            if number == _NUM_TRIES:
                raise
            structlog.get_logger().warning("database_asked_again", reason=error.message)
            interruption.sleep(_FIRST_WAIT_SECONDS * 2**number * random.uniform(0.5, 1.0))
    raise AssertionError("every try returns or raises")


@contextmanager
def translate_errors() -> Iterator[None]:
    """Turn what psycopg raises about the world into our errors; use as decorator or context manager.

    What is left (syntax, types, constraints) is a bug of ours and passes unchanged.
    """
    try:
        yield
    except (pg.UndefinedTable, pg.UndefinedColumn, pg.InvalidSchemaName) as error:
        raise ConfigError(
            f"The database lacks a table or column of this program: {error.diag.message_primary}.",
            remedy="Run `lorentzian migrate`.",
        ) from error
    except pg.InsufficientPrivilege as error:
        raise ConfigError(
            f"The database user may not do this: {error.diag.message_primary}.",
            remedy="Grant it the right, or connect as the owner of the tables.",
        ) from error
    except pg.ReadOnlySqlTransaction as error:
        raise ConfigError(
            "The database is read-only here.", remedy="Connect to the primary server, not to a replica."
        ) from error
    except ServerSilent as error:
        raise _lost(str(error)) from error
    except (psycopg.OperationalError, psycopg.InterfaceError) as error:
        raise _lost(error.diag.message_primary or "the connection was lost") from error


def _lost(reason: str) -> DatabaseUnavailable:
    return DatabaseUnavailable(
        f"Postgres stopped answering: {reason}.",
        remedy="Check the server and the network, then start the command again; what was stored is kept.",
    )


def _parse(conninfo: str) -> dict[str, Any]:
    """The parts of ``conninfo`` over our options, or `ConfigError` without a word of it."""
    try:
        parts = conninfo_to_dict(conninfo)
    except (psycopg.ProgrammingError, UnicodeEncodeError):
        raise invalid_conninfo() from None
    return _OPTIONS | {name: value for name, value in parts.items() if value is not None}


def _target(params: dict[str, Any]) -> _Target:
    defaults = {option.keyword: option.val for option in Conninfo.get_defaults()}

    def effective(name: str, default: str) -> str:
        value = params.get(name) or (defaults.get(name.encode()) or b"").decode()
        return str(value) or default

    user = effective("user", "")
    target = _Target(
        host=effective("host", "") or effective("hostaddr", "the local socket"),
        port=effective("port", "5432"),
        user=user,
        dbname=effective("dbname", user),
    )
    if "@" in target.host + target.port + target.dbname or not re.fullmatch(r"[\d,]+", target.port):
        raise invalid_conninfo()
    return target


def invalid_conninfo() -> ConfigError:
    """The error for a connection string that cannot be read, without a word of it."""
    return ConfigError(
        "The Postgres connection string is not valid (it is not shown: it may hold a password).",
        remedy="Write postgresql://USER:PASSWORD@HOST:PORT/DATABASE, with @ : / ? # % in the password as %40 %3A "
        "%2F %3F %23 %25; or leave the password to PGPASSWORD or PGPASSFILE.",
    )


def _why(error: psycopg.OperationalError) -> str:
    """What the last try met, in brackets; empty where libpq does not say."""
    reason = str(error).rpartition("failed: ")[2].splitlines()[0] if "failed: " in str(error) else ""
    return f" ({' '.join(reason.split()).rstrip('.')})" if reason else ""


def _refusal(error: psycopg.OperationalError, params: dict[str, Any], target: _Target) -> ConfigError | None:
    """The error to end with when another attempt cannot help, or None.

    psycopg gives no SQLSTATE for a failed connection and the server may speak any language, so the question "is
    somebody there who refuses us?" is put to the server itself, by libpq's ping.
    """
    said = str(error)
    if _BUSY.search(said):
        return None
    if not _ENCRYPTION.search(said):
        if not _SPOKEN.search(said):
            return None  # nobody was reached: asking now could find a server that has just come back, or has no room
        answer = PGconn.ping(make_conninfo("", **params).encode())
        if answer == Ping.NO_ATTEMPT:
            return invalid_conninfo()
        if answer != Ping.OK:
            return None
    if "password" in said:
        problem = f"{target} did not accept the password, or was given none."
        remedy = "Correct it in DATABASE_URL, PGPASSWORD or PGPASSFILE."
    elif re.search(r"database .* does not exist", said):
        problem = f"{target} has no such database."
        remedy = f"Create it (CREATE DATABASE), or correct {_WHERE_IT_IS_SET}."
    elif re.search(r"role .* does not exist", said):
        problem = f"{target} has no such user."
        remedy = f"Create it (CREATE ROLE ... LOGIN), or correct {_WHERE_IT_IS_SET}."
    else:
        lines = said.strip().splitlines()
        line = next((line for line in reversed(lines) if "failed:" in line), lines[-1])  # advice may follow it
        reason = line.rpartition("failed:")[2].rpartition("FATAL:")[2].strip().rstrip(".")
        problem = f"{target} refuses the connection: {reason}."
        remedy = f"Check {_WHERE_IT_IS_SET}, PGSSLMODE, PGSSLROOTCERT and the server's pg_hba.conf."
    return ConfigError(problem, remedy=remedy)
