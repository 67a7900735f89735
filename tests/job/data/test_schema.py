from concurrent.futures import ThreadPoolExecutor

import pytest

from job.data.postgres import connect
from job.data.schema import SCHEMA_MAX, SCHEMA_MIN, list_migrations, migrate, require_schema
from job.errors import ConfigError

VERSIONS = [migration.version for migration in list_migrations()]


def test_migrations_are_numbered_without_a_gap_up_to_the_newest() -> None:
    """The files and the range that this program states belong together."""
    migrations = list_migrations()
    assert [migration.version for migration in migrations] == list(range(1, len(migrations) + 1))
    assert max(migration.version for migration in migrations if not migration.is_expansion) == SCHEMA_MAX
    assert SCHEMA_MIN <= SCHEMA_MAX


def test_migrate_applies_everything_once(empty_database: str) -> None:
    """The second call finds nothing to do, and the schema is one that the program accepts."""
    with connect(empty_database) as connection:
        assert migrate(connection) == VERSIONS
        assert migrate(connection) == []
        require_schema(connection)
        tables = connection.execute(
            "SELECT table_name FROM information_schema.tables WHERE table_schema = 'public' ORDER BY 1"
        ).fetchall()
    own = {"feature_sets", "features", "klines", "schema_expansions", "schema_migrations", "series"}
    assert own <= {name for (name,) in tables}


def test_migrate_is_safe_when_several_start_at_once(empty_database: str) -> None:
    """Four at the same time apply each migration exactly once between them."""

    def apply(_: int) -> list[int]:
        with connect(empty_database) as connection:
            return migrate(connection)

    with ThreadPoolExecutor(4) as pool:
        applied = [version for versions in pool.map(apply, range(4)) for version in versions]
    assert sorted(applied) == VERSIONS


def test_require_schema_says_what_to_run(empty_database: str) -> None:
    """A database without tables, or with an old schema, ends 78 with the next command."""
    with connect(empty_database) as connection:
        with pytest.raises(ConfigError, match=r"has no tables of this program.*Run `lorentzian migrate`"):
            require_schema(connection)
        migrate(connection)
        connection.execute("DELETE FROM schema_migrations WHERE version > 1")
        with pytest.raises(ConfigError, match=r"has schema version 1;.*Run `lorentzian migrate`"):
            require_schema(connection)


def test_newer_schema_is_refused_by_an_old_image(database: str) -> None:
    """Neither reading nor migrating touches a schema that this program does not know."""
    with connect(database) as connection:
        connection.execute(
            "INSERT INTO schema_migrations (version, name, checksum) VALUES (%s, 'later', '')", [SCHEMA_MAX + 1]
        )
        for use in (require_schema, migrate):
            with pytest.raises(ConfigError, match="this image is too old"):
                use(connection)


def test_migrate_refuses_a_migration_with_other_sql(database: str) -> None:
    """One number stands for one text: an edited migration is noticed."""
    with connect(database) as connection:
        connection.execute("UPDATE schema_migrations SET checksum = 'edited' WHERE version = 2")
        with pytest.raises(ConfigError, match=r"Migration 2 \(features\) was applied .* with other SQL"):
            migrate(connection)


def test_migrate_without_the_right_to_create_is_a_setting_to_correct(empty_database: str) -> None:
    """A role that may not create tables gets one sentence, not a traceback."""
    with connect(empty_database) as connection:
        connection.execute("CREATE ROLE reader")
        connection.execute("SET ROLE reader")
        with pytest.raises(ConfigError, match="permission denied for schema public"):
            migrate(connection)
        connection.execute("RESET ROLE")
        connection.execute("DROP ROLE reader")
