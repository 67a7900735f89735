"""The edge to Postgres: how a connection is opened, and what its errors become. Knows no table.

Secrets: libpq's messages can repeat parts of a connection string, and a password with an unescaped ``@`` or ``/``
ends up in the host or the database name. So no message of ours repeats a string that failed to parse, and
implausible names are refused before anything prints them.
"""

import random
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

import psycopg
from psycopg import errors as pg
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.pq import Conninfo, PGconn, Ping

from job.errors import ConfigError, DatabaseUnavailable

Connection: TypeAlias = psycopg.Connection[tuple[Any, ...]]

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
_WHERE_IT_IS_SET = "DATABASE_URL, or the PGHOST, PGPORT, PGUSER, PGDATABASE variables"
_BUSY = re.compile(
    r"too many|slots are reserved|no more connections|starting up|shutting down|recovery|try again|terminating"
)
_ENCRYPTION = re.compile(r"does not support SSL|certificate|sslrootcert")


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
            connection = psycopg.connect(autocommit=True, **params)
            connection.execute("SET TIME ZONE 'UTC'")
            return connection
        except psycopg.ProgrammingError:
            raise _invalid() from None
        except psycopg.OperationalError as error:
            refusal = _refusal(error, params, target)
            if refusal is not None:
                raise refusal from None
            wait = longest_wait * random.uniform(0.5, 1.0)
            if time.monotonic() + wait >= deadline:
                raise DatabaseUnavailable(
                    f"{target} did not accept a connection within {retry_seconds:g} s.",
                    remedy=f"Check that the server runs and that its address is right: {_WHERE_IT_IS_SET}.",
                ) from error
        time.sleep(wait)
        longest_wait = min(2 * longest_wait, _LONGEST_WAIT_SECONDS)


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
    except (psycopg.OperationalError, psycopg.InterfaceError) as error:
        reason = error.diag.message_primary or "the connection was lost"
        raise DatabaseUnavailable(f"Postgres stopped answering: {reason}.") from error


def _parse(conninfo: str) -> dict[str, Any]:
    """The parts of ``conninfo`` over our options, or `ConfigError` without a word of it."""
    try:
        parts = conninfo_to_dict(conninfo)
    except psycopg.ProgrammingError:
        raise _invalid() from None
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
        raise _invalid()
    return target


def _invalid() -> ConfigError:
    return ConfigError(
        "The Postgres connection string is not valid (it is not shown: it may hold a password).",
        remedy="Write postgresql://USER:PASSWORD@HOST:PORT/DATABASE, with @ : / ? # % in the password as %40 %3A "
        "%2F %3F %23 %25; or leave the password to PGPASSWORD or PGPASSFILE.",
    )


def _refusal(error: psycopg.OperationalError, params: dict[str, Any], target: _Target) -> ConfigError | None:
    """The error to end with when another attempt cannot help, or None.

    psycopg gives no SQLSTATE for a failed connection and the server may speak any language, so the question "is
    somebody there who refuses us?" is put to the server itself, by libpq's ping.
    """
    said = str(error)
    if _BUSY.search(said):
        return None
    if not _ENCRYPTION.search(said):
        answer = PGconn.ping(make_conninfo("", **params).encode())
        if answer == Ping.NO_ATTEMPT:
            return _invalid()
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
        reason = said.strip().splitlines()[-1].rpartition("FATAL:")[2].strip().rstrip(".")
        problem = f"{target} refuses the connection: {reason}."
        remedy = f"Check {_WHERE_IT_IS_SET}, PGSSLMODE and the server's pg_hba.conf."
    return ConfigError(problem, remedy=remedy)
