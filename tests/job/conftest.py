"""The small walk-forward of `tests.support.small_run`, for the tests of whatever runs, stores or ends one."""

import itertools
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from job.run.run import Run

_numbers = itertools.count()


@pytest.fixture(scope="session")
def small_market(postgres_server: str) -> Iterator[str]:
    """A database with klines and features of the small markets; only to be read."""
    from tests.support.small_run import database_like, fill

    with database_like(postgres_server, "migrated", "small") as conninfo:
        fill(conninfo)
        yield conninfo


@pytest.fixture
def small_database(postgres_server: str, small_market: str) -> Iterator[str]:
    """A copy of that database, which a test may change."""
    from tests.support.small_run import database_like

    with database_like(postgres_server, "small", f"small_{next(_numbers)}") as conninfo:
        yield conninfo


@pytest.fixture(scope="session")
def run_of_three(small_market: str, tmp_path_factory: pytest.TempPathFactory) -> "Run":
    """A run whose windows are all done and which nobody has finalized; only to be copied."""
    from tests.support.small_run import open_small_run, run_all, small_settings

    run = open_small_run(small_settings(tmp_path_factory.mktemp("run")), small_market)
    run_all(run)
    return run


@pytest.fixture(scope="session")
def run_of_vote(small_market: str, tmp_path_factory: pytest.TempPathFactory) -> "Run":
    """A run whose result is the final model of a learned vote alone; only to be copied."""
    from tests.support.promoted import run_with_final_model

    return run_with_final_model(small_market, tmp_path_factory.mktemp("vote"), model="lorentzian", run_id="vote")


@pytest.fixture(scope="session")
def finalized_run(run_of_three: "Run", tmp_path_factory: pytest.TempPathFactory) -> "Run":
    """The small walk-forward with its result, apart from pictures and page; only to be copied."""
    from job.execution import finalize
    from tests.support.small_run import copied

    run = copied(run_of_three, tmp_path_factory.mktemp("finalized"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(finalize, "report_objects", lambda *_: {})
        finalize.finalize(run)
    return run
