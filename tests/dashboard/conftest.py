"""What the dashboard's tests share: a folder of runs, written once."""

import pytest

from job.artifacts.folder import LocalStore
from tests.support.dashboards import write_runs


@pytest.fixture(scope="session")
def runs(tmp_path_factory: pytest.TempPathFactory) -> LocalStore:
    """Two finished runs and a running one; nobody changes them."""
    return write_runs(tmp_path_factory.mktemp("runs"))
