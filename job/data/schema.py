"""The database schema: numbered SQL files, applied in order, and the versions this program can work with.

Schemas first expand, and contract a release later. A file named ``<number>_expand_<name>.sql`` only adds what older
programs need not know, so that their pods run on beside those of the new image; it is recorded where they do not look,
and whoever needs it finds its table or not. Any other file ends the programs that do not know it: they are too old.
"""

import hashlib
from dataclasses import dataclass
from importlib.resources import files

from psycopg import sql

from job.data.postgres import Connection, translate_errors
from job.errors import ConfigError

SCHEMA_MIN = 3  # the oldest schema whose tables this program can use as they are
SCHEMA_MAX = 3  # the newest it knows: the number of the last migration that is no expansion

_LOCK = 7_305_805_160_183_316  # any number, but one that other programs of the same database do not take
_CREATE_HISTORY = """
    CREATE TABLE IF NOT EXISTS {history} (
        version    integer     NOT NULL PRIMARY KEY,
        name       text        NOT NULL,
        checksum   text        NOT NULL,
        applied_at timestamptz NOT NULL DEFAULT now()
    )"""
_MIGRATIONS, _EXPANSIONS = "schema_migrations", "schema_expansions"
_EXPANDS = "expand_"


@dataclass(frozen=True, kw_only=True)
class Migration:
    """One numbered SQL file; ``checksum`` is the sha256 of its text."""

    version: int
    name: str
    text: str

    @property
    def is_expansion(self) -> bool:
        """Whether programs that do not know it may go on."""
        return self.name.startswith(_EXPANDS)

    @property
    def history(self) -> sql.Identifier:
        """The table that it is recorded in; programs refuse what they do not know in the first one alone."""
        return sql.Identifier(_EXPANSIONS if self.is_expansion else _MIGRATIONS)

    @property
    def checksum(self) -> str:
        """What tells an edited migration from the one that was applied."""
        return hashlib.sha256(self.text.encode()).hexdigest()


def list_migrations() -> list[Migration]:
    """The migrations of this program, by ascending version."""
    folder = files("job.data").joinpath("migrations")
    found = []
    for file in (entry for entry in folder.iterdir() if entry.name.endswith(".sql")):
        number, _, name = file.name.removesuffix(".sql").partition("_")
        found.append(Migration(version=int(number), name=name, text=file.read_text(encoding="utf-8")))
    return sorted(found, key=lambda migration: migration.version)


@translate_errors()
def migrate(connection: Connection) -> list[int]:
    """Bring the schema up to the newest that this program knows; returns the versions that this call applied.

    Each migration is a transaction of its own that begins with a lock, so that of two calls at once each migration is
    applied by one and seen by the other.

    Raises
    ------
    ConfigError
        When the database is newer than this program, or was migrated with other SQL under the same number.
    """
    applied = []
    for migration in list_migrations():
        with connection.transaction():
            one_at_a_time(connection)
            for history in (_MIGRATIONS, _EXPANSIONS):
                connection.execute(sql.SQL(_CREATE_HISTORY).format(history=sql.Identifier(history)))
            _refuse_newer(_stored_version(connection))
            if not _is_applied(connection, migration):
                connection.execute(migration.text.encode())
                connection.execute(
                    sql.SQL("INSERT INTO {history} (version, name, checksum) VALUES (%s, %s, %s)").format(
                        history=migration.history
                    ),
                    [migration.version, migration.name, migration.checksum],
                )
                applied.append(migration.version)
    return applied


def one_at_a_time(connection: Connection) -> None:
    """Wait until nobody else changes the schema or the rights to it; holds to the end of the transaction."""
    connection.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])


@translate_errors()
def schema_gap(connection: Connection) -> str | None:
    """What `migrate` has still to do, in a sentence; None when the schema is one that this program accepts.

    Raises
    ------
    ConfigError
        When the database is newer than this program.
    """
    exists = connection.execute("SELECT to_regclass(%s) IS NOT NULL", [_MIGRATIONS]).fetchone()
    version = _stored_version(connection) if exists == (True,) else 0
    _refuse_newer(version)
    if version >= SCHEMA_MIN:
        return None
    state = "has no tables of this program" if version == 0 else f"has schema version {version}"
    return f"The database {connection.info.dbname!r} {state}; this program needs version {SCHEMA_MIN}."


def require_schema(connection: Connection) -> None:
    """Return when the schema is one that this program accepts; ``ConfigError`` with the next command otherwise."""
    gap = schema_gap(connection)
    if gap is not None:
        raise ConfigError(gap, remedy="Run `lorentzian migrate`.")


def _stored_version(connection: Connection) -> int:
    row = connection.execute("SELECT coalesce(max(version), 0) FROM schema_migrations").fetchone()
    assert row is not None
    return int(row[0])


def _is_applied(connection: Connection, migration: Migration) -> bool:
    query = sql.SQL("SELECT checksum FROM {history} WHERE version = %s").format(history=migration.history)
    row = connection.execute(query, [migration.version]).fetchone()
    if row is not None and row[0] != migration.checksum:
        raise ConfigError(
            f"Migration {migration.version} ({migration.name}) was applied to this database with other SQL.",
            remedy="Use the image that migrated it, or an empty database.",
        )
    return row is not None


def _refuse_newer(version: int) -> None:
    if version > SCHEMA_MAX:
        raise ConfigError(
            f"The database has schema version {version} and this image knows versions up to {SCHEMA_MAX}: "
            "this image is too old.",
            remedy="Use a newer image.",
        )
