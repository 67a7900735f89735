"""Each part of the program does its work as its own database role, and nothing else, on a real server."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from psycopg import sql
from psycopg.conninfo import make_conninfo

from job.artifacts.manifest import read_manifest
from job.data.kline_table import stored_span, write_klines
from job.data.outside_series import OutsideSeries, funding_key
from job.data.postgres import Connection, connect, translate_errors
from job.data.roles import COLLECTOR, MIGRATIONS, TRAINER, grant_roles
from job.data.schema import migrate, require_schema
from job.data.series_table import write_series
from job.errors import ConfigError, PermanentError
from job.execution.window_attempt import attempt_window
from job.feature_store import update_features
from job.settings.procedure import FeatureSettings
from tests.support.small_run import (
    KEY,
    MARKET,
    MAX_ATTEMPTS,
    database_like,
    open_small_run,
    small_markets,
    small_settings,
)

OWNER, MIGRATOR, COLLECTING, TRAINING, STRANGER = USERS = ("owner", "migrator", "collecting", "training", "stranger")
PARTS = {MIGRATOR: MIGRATIONS, COLLECTING: COLLECTOR, TRAINING: TRAINER}
DATA = ("feature_sets", "features", "klines", "series")
HISTORY = ("schema_expansions", "schema_migrations")
PRIVILEGES = ("SELECT", "INSERT", "UPDATE", "DELETE", "TRUNCATE", "REFERENCES", "TRIGGER")
READ, ADD = frozenset({"SELECT"}), frozenset({"SELECT", "INSERT"})
RIGHTS = {
    COLLECTING: dict.fromkeys((*DATA, "signals"), ADD) | dict.fromkeys(HISTORY, READ),
    TRAINING: dict.fromkeys((*DATA, *HISTORY), READ),
    STRANGER: {},
}
FORBIDDEN = (
    "INSERT INTO feature_sets VALUES ('mine', '{a}', '{1}')",
    "INSERT INTO schema_migrations VALUES (99, 'mine', '')",
    "UPDATE klines SET close = 1",
    "DELETE FROM features",
    "TRUNCATE series",
    "DROP TABLE klines",
    "CREATE TABLE mine (a integer)",
    "CREATE TEMPORARY TABLE mine (a integer)",
    "COPY klines FROM PROGRAM 'true'",
    f"SET ROLE {MIGRATIONS}",
)


@pytest.fixture(scope="module")
def server(postgres_server: str) -> Iterator[str]:
    """The server after the first migrations of two databases, by four programs at once, and with users of every part.

    The databases belong to a user who is no superuser, but may create roles.
    """
    names = {name: sql.Identifier(name) for name in (*USERS, *PARTS.values(), "first_1", "first_2")}
    with connect(postgres_server) as connection:
        connection.execute(sql.SQL("CREATE ROLE {} LOGIN CREATEROLE").format(names[OWNER]))
        for database in ("first_1", "first_2"):
            connection.execute(sql.SQL("CREATE DATABASE {} OWNER {}").format(names[database], names[OWNER]))

        def set_up(database: str) -> None:
            with connect(make_conninfo(postgres_server, dbname=database, user=OWNER)) as own:
                migrate(own)
                grant_roles(own)

        with ThreadPoolExecutor(4) as pool:
            list(pool.map(set_up, ["first_1", "first_2"] * 2))
        for user, part in (*PARTS.items(), (STRANGER, None)):
            connection.execute(sql.SQL("CREATE ROLE {} LOGIN").format(names[user]))
            if part is not None:
                connection.execute(sql.SQL("GRANT {} TO {}").format(names[part], names[user]))
        yield postgres_server
        for database in ("first_1", "first_2"):
            connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(names[database]))
        for role in (*USERS, *PARTS.values()):
            connection.execute(sql.SQL("DROP ROLE {}").format(names[role]))


@pytest.fixture(scope="module")
def shared(server: str, small_market: str) -> Iterator[str]:
    """A database with the small markets, whose roles were granted; as its superuser."""
    with database_like(server, "small", "parts") as conninfo:
        with connect(conninfo) as connection:
            grant_roles(connection)
        yield conninfo


@pytest.fixture
def owned(server: str) -> str:
    """A database whose first migration was its owner's, who is no superuser; as that user."""
    return make_conninfo(server, dbname="first_1", user=OWNER)


def as_user(conninfo: str, user: str) -> Connection:
    """A connection of one of the users."""
    return connect(make_conninfo(conninfo, user=user))


def rights_of(connection: Connection, user: str) -> dict[str, frozenset[str]]:
    """What a user may do with each table of the schema, by the server's own word."""
    tables = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
    found: dict[str, frozenset[str]] = {}
    for (table,) in tables.fetchall():
        held = {privilege for privilege in PRIVILEGES if is_held(connection, user, table, privilege)}
        if held:
            found[table] = frozenset(held)
    return found


def is_held(connection: Connection, user: str, table: str, privilege: str) -> bool:
    """Whether a user has one privilege on one table."""
    return connection.execute("SELECT has_table_privilege(%s, %s, %s)", [user, table, privilege]).fetchone() == (True,)


def test_each_part_has_exactly_its_rights(shared: str) -> None:
    """Every table times every privilege, and none of the rights beyond tables; nobody is a superuser."""
    with connect(shared) as connection:
        assert {user: rights_of(connection, user) for user in RIGHTS} == RIGHTS
        beyond = connection.execute(
            """SELECT rolname, has_schema_privilege(oid, 'public', 'CREATE'),
                      has_database_privilege(oid, current_database(), 'TEMPORARY'),
                      has_database_privilege(oid, current_database(), 'CREATE'),
                      rolsuper OR rolcreaterole OR rolcreatedb OR rolreplication OR rolbypassrls
               FROM pg_roles WHERE rolname = ANY(%s) ORDER BY rolname""",
            [[MIGRATOR, COLLECTING, TRAINING, STRANGER]],
        ).fetchall()
        owners = connection.execute("SELECT DISTINCT tableowner FROM pg_tables WHERE schemaname = 'public'").fetchall()
    assert beyond == [
        (COLLECTING, False, True, False, False),
        (MIGRATOR, True, True, False, False),
        (STRANGER, False, False, False, False),
        (TRAINING, False, False, False, False),
    ]
    assert owners == [(MIGRATIONS,)]


def test_trainer_runs_a_window_and_writes_nothing(shared: str, tmp_path: Path) -> None:
    """A whole window is planned and run as the trainer; every way to write is refused."""
    conninfo = make_conninfo(shared, user=TRAINING)
    run = open_small_run(small_settings(tmp_path), conninfo)
    attempt_window(run, 0, max_attempts=MAX_ATTEMPTS)
    assert read_manifest(run.store, run.keys.window_manifest(0)) is not None
    bars = small_markets()[KEY.symbol]
    attempts: tuple[Callable[[Connection], object], ...] = (
        lambda connection: write_klines(connection, replace(KEY, symbol="NEWUSDT"), bars),
        lambda connection: update_features(connection, MARKET, FeatureSettings(features="core")),
        migrate_anew,
        grant_roles,
        *(partial(Connection.execute, query=statement) for statement in FORBIDDEN),
    )
    with connect(conninfo) as connection:
        for attempt in attempts:
            with pytest.raises(ConfigError, match="may not do this"), translate_errors():
                attempt(connection)


def migrate_anew(connection: Connection) -> None:
    """What a migration does first in a database that lacks its table."""
    with connection.transaction():
        connection.execute("SET LOCAL search_path = public")
        connection.execute("CREATE TABLE IF NOT EXISTS later (version integer)")


def test_collector_adds_and_changes_nothing(shared: str) -> None:
    """Klines, features and funding of a new market are stored as the collector, who cannot alter a bar."""
    with as_user(shared, COLLECTING) as connection:
        require_schema(connection)
        added = replace(KEY, venue="another-venue")
        for symbol, klines in small_markets().items():
            assert write_klines(connection, replace(added, symbol=symbol), klines) == len(klines)
        update = update_features(connection, MARKET.model_copy(update={"venue": added.venue}), FeatureSettings())
        assert update.num_added > 0
        assert stored_span(connection, added) is not None
        times = np.array([1_764_000_000_000, 1_764_028_800_000])
        funding = OutsideSeries(event_time=times, available_at=times, value=np.array([1e-4, -1e-4]))
        assert write_series(connection, funding_key(added), funding) == 2
        for statement in ("UPDATE klines SET close = 1", "DELETE FROM klines", "DROP TABLE series"):
            with pytest.raises(ConfigError, match="may not do this"), translate_errors():
                connection.execute(statement)


@pytest.mark.parametrize("name", ["first_1", "first_2"])
def test_roles_are_made_by_several_at_once(server: str, name: str) -> None:
    """Of four first migrations at once none failed; the roles have no login, no power, and the right rights."""
    with connect(make_conninfo(server, dbname=name, user=OWNER)) as connection:
        assert {user: rights_of(connection, user) for user in RIGHTS} == RIGHTS
        made = connection.execute(
            """SELECT count(*) FROM pg_roles WHERE rolname = ANY(%s)
               AND NOT (rolcanlogin OR rolsuper OR rolcreaterole OR rolcreatedb OR rolreplication OR rolbypassrls)""",
            [list(PARTS.values())],
        ).fetchone()
    assert made == (len(PARTS),)


def test_migrations_need_no_owner_after_the_first(owned: str) -> None:
    """Whoever belongs to the role that owns the tables can migrate on, and put rights right that others changed."""
    with as_user(owned, MIGRATOR) as connection:
        assert migrate(connection) == []
        connection.execute("ALTER TABLE klines ADD COLUMN later integer")
        connection.execute("CREATE TABLE later (a integer)")
        connection.execute("REVOKE SELECT ON klines FROM lorentzian_trainer")
        connection.execute("GRANT DELETE ON klines TO lorentzian_trainer")
        grant_roles(connection)
        assert {user: rights_of(connection, user) for user in RIGHTS} == RIGHTS
        connection.execute("DROP TABLE later")


def test_role_that_may_do_more_is_refused(server: str, owned: str) -> None:
    """A role of that name with power over the server is no trainer: one sentence, and nothing was granted."""
    name = sql.Identifier(TRAINER)
    with connect(server) as admin, connect(owned) as connection:
        admin.execute(sql.SQL("ALTER ROLE {} CREATEDB").format(name))
        connection.execute("REVOKE SELECT ON klines FROM lorentzian_trainer")
        try:
            with pytest.raises(ConfigError, match=f"{TRAINER} may do more") as caught:
                grant_roles(connection)
        finally:
            admin.execute(sql.SQL("ALTER ROLE {} NOCREATEDB").format(name))
        assert "ALTER ROLE" in caught.value.remedy
        assert "klines" not in rights_of(connection, TRAINING)
        grant_roles(connection)


def test_roles_need_somebody_who_may_grant_them(shared: str) -> None:
    """A stranger gets one sentence, not a traceback."""
    with as_user(shared, STRANGER) as connection, pytest.raises(PermanentError, match="may not do this"):
        grant_roles(connection)
