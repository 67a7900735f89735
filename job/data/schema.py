"""The database schema: numbered SQL files, applied in order, and the versions this program can work with."""

import hashlib
from dataclasses import dataclass
from importlib.resources import files

from job.data.postgres import Connection, translate_errors
from job.errors import ConfigError

SCHEMA_MIN = 3  # the oldest schema whose tables this program can use as they are
SCHEMA_MAX = 3  # the newest it knows: the number of the last migration

_LOCK = 7_305_805_160_183_316  # any number, but one that other programs of the same database do not take
_CREATE_HISTORY = """
    CREATE TABLE IF NOT EXISTS schema_migrations (
        version    integer     NOT NULL PRIMARY KEY,
        name       text        NOT NULL,
        checksum   text        NOT NULL,
        applied_at timestamptz NOT NULL DEFAULT now()
    )"""


@dataclass(frozen=True, kw_only=True)
class Migration:
    """One numbered SQL file; ``checksum`` is the sha256 of its text."""

    version: int
    name: str
    sql: str

    @property
    def checksum(self) -> str:
        """What tells an edited migration from the one that was applied."""
        return hashlib.sha256(self.sql.encode()).hexdigest()


def list_migrations() -> list[Migration]:
    """The migrations of this program, by ascending version."""
    folder = files("job.data").joinpath("migrations")
    found = []
    for file in (entry for entry in folder.iterdir() if entry.name.endswith(".sql")):
        number, _, name = file.name.removesuffix(".sql").partition("_")
        found.append(Migration(version=int(number), name=name, sql=file.read_text(encoding="utf-8")))
    return sorted(found, key=lambda migration: migration.version)


@translate_errors()
def migrate(connection: Connection) -> list[int]:
    """Bring the schema up to `SCHEMA_MAX`; returns the versions that this call applied.

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
            connection.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])
            connection.execute(_CREATE_HISTORY)
            _refuse_newer(_stored_version(connection))
            if not _is_applied(connection, migration):
                connection.execute(migration.sql.encode())
                connection.execute(
                    "INSERT INTO schema_migrations (version, name, checksum) VALUES (%s, %s, %s)",
                    [migration.version, migration.name, migration.checksum],
                )
                applied.append(migration.version)
    return applied


@translate_errors()
def schema_gap(connection: Connection) -> str | None:
    """What `migrate` has still to do, in a sentence; None when the schema is one that this program accepts.

    Raises
    ------
    ConfigError
        When the database is newer than this program.
    """
    exists = connection.execute("SELECT to_regclass('schema_migrations') IS NOT NULL").fetchone()
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
    query = "SELECT checksum FROM schema_migrations WHERE version = %s"
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
