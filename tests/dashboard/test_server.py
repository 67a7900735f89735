"""The command itself, as a process: it listens, refuses, counts, and ends quietly."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from dashboard.auth import check_exposure
from dashboard.readonly import check_readonly
from dashboard.server import serve
from job.artifacts.folder import LocalStore
from job.artifacts.s3 import S3Store, make_client
from job.errors import ConfigError
from job.settings.commands import DashboardCommand
from job.settings.dashboard import DashboardSettings
from job.settings.sources import load_settings
from tests.support.dashboards import FINISHED
from tests.support.fixtures_s3 import BUCKET, s3_server
from tests.support.page_calls import page_call
from tests.support.repository import ROOT
from tests.support.seaweedfs import READER, SeaweedServer, free_ports

__all__ = ["s3_server"]
START_SECONDS = 60
HEAVY = {
    *("torch", "psycopg", "pandas", "scipy", "sklearn", "matplotlib"),
    *("talib", "lightgbm", "numba", "pyarrow", "binance"),
}


def command(*arguments: str) -> list[str]:
    """``lorentzian dashboard`` by this Python."""
    return [sys.executable, "-m", "job", "dashboard", *arguments]


def can_listen(host: str) -> bool:
    """Whether this machine has such an address."""
    try:
        socket.create_server((host, 0), family=socket.AF_INET6).close()
    except OSError:
        return False
    return True


# Dual-stack where that can be, so that one server shows both.
HAS_IPV6 = can_listen("::1")


def environment(**more: str) -> dict[str, str]:
    """The own one, without settings."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("LORENTZIAN_", "PROMETHEUS_"))}
    return kept | more


@dataclass(frozen=True, kw_only=True)
class Served:
    """What a server left that was asked and then told to stop: ``request_id`` is of the one page it was asked for.

    ``answered`` are the addresses, of pages and of metrics, that answered.
    """

    answered: tuple[str, ...]
    pid: int
    returncode: int
    request_id: str
    counted: str
    logs: str


@contextmanager
def serving(store: str, port: int, logs: Path, *arguments: str) -> Iterator["subprocess.Popen[bytes]"]:
    """The server, once it answers; killed where the test did not end it. It says what it imports, and when."""
    with logs.open("wb") as stderr:
        process = subprocess.Popen(
            command("--save-path", store, "--port", str(port), *arguments),
            cwd=ROOT,
            env=environment(PYTHONPROFILEIMPORTTIME="1"),
            stdout=subprocess.DEVNULL,
            stderr=stderr,
        )
    try:
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline and process.poll() is None:
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=5).close()
                break
            except OSError:
                time.sleep(0.1)
        yield process
    finally:
        process.kill()
        process.wait()


def answers(address: str) -> bool:
    """Whether anybody answers there."""
    try:
        urllib.request.urlopen(address, timeout=20).close()
    except OSError:
        return False
    return True


@pytest.fixture(scope="module")
def served(runs: LocalStore, tmp_path_factory: pytest.TempPathFactory) -> Served:
    """One that was asked for a page, its readiness, the page of a run and its counts, and ended by SIGTERM."""
    port, metrics_port = free_ports(2)
    logs = tmp_path_factory.mktemp("served") / "stderr"
    arguments = ["--metrics-port", str(metrics_port), *(["--host", "::", "--insecure-no-auth"] if HAS_IPV6 else [])]
    with serving(runs.location, port, logs, *arguments) as process:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=20) as page:
            request_id = page.headers["X-Request-ID"]
        urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=20).close()
        call = urllib.request.Request(
            f"http://127.0.0.1:{port}/_dash-update-component",
            page_call(f"/run/{FINISHED}"),
            {"Content-Type": "application/json"},
        )
        urllib.request.urlopen(call, timeout=60).close()
        with urllib.request.urlopen(f"http://127.0.0.1:{metrics_port}/metrics", timeout=20) as answer:
            counted = answer.read().decode()
        answered = tuple(
            address
            for host in ("[::1]", "127.0.0.1")
            for address in (f"http://{host}:{port}/healthz", f"http://{host}:{metrics_port}/metrics")
            if answers(address)
        )
        process.send_signal(signal.SIGTERM)
        returncode = process.wait(timeout=30)
    return Served(
        answered=tuple(address.split("/")[2].rpartition(":")[0] for address in answered),
        pid=process.pid,
        returncode=returncode,
        request_id=request_id,
        counted=counted,
        logs=logs.read_text(),
    )


def test_server_answers_counts_and_ends(served: Served) -> None:
    """Pages on one port, counts on another, one JSON line a request, and 0 after SIGTERM; nothing stays behind."""
    assert served.returncode == 0, served.logs
    assert "lorentzian_dashboard_request_seconds_count" in served.counted
    assert 'lorentzian_dashboard_runs{state="finished"} 2.0' in served.counted
    lines = [json.loads(line) for line in served.logs.splitlines() if line.startswith("{")]
    own = [line for line in lines if line["event"] == "request_served" and line["request_id"] == served.request_id]
    assert [(line["path"], line["status"], line["method"]) for line in own] == [("/", 200, "GET")]
    assert not list(Path("/dev/shm").glob(f"lorentzian-metrics-*/*_{served.pid}.db"))


@pytest.mark.skipif(not HAS_IPV6, reason="IPv6 is not installed")
def test_server_of_both_families_answers_on_both(served: Served) -> None:
    """On ``::`` pages and metrics answer whoever comes by IPv6, and whoever comes by IPv4."""
    assert served.answered == ("[::1]", "[::1]", "127.0.0.1", "127.0.0.1")


def test_server_loads_nothing_that_its_image_lacks(served: Served) -> None:
    """Neither to start nor to show a run: no training, database, frame or drawing library."""
    lines = [line for line in served.logs.splitlines() if line.startswith("import time:")]
    loaded = {line.rpartition("|")[2].strip().partition(".")[0] for line in lines}
    assert {"dash", "dashboard", "job"} <= loaded
    assert not loaded & HEAVY


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"host": "0.0.0.0"}, "ask nobody for a password"),
        ({"host": "::"}, "ask nobody for a password"),
        ({"host": "[::]"}, "ask nobody for a password"),
        ({"require_readonly": True}, "can be written"),
        ({"auth_password_file": "/nowhere/at/all"}, "cannot be read"),
    ],
)
def test_server_refuses_to_start(tmp_path: Path, settings: dict[str, object], words: str) -> None:
    """An open door, a store that can be written, a secret that is not there: exit code 78, and one sentence."""
    with pytest.raises(ConfigError, match=words) as refused:
        serve(DashboardSettings.model_validate({"metrics_port": 0} | settings), str(tmp_path))
    assert refused.value.exit_code == 78


def test_command_refuses_a_bad_prefix(tmp_path: Path) -> None:
    """As a process: 78, the flag's name, and no trace."""
    ended = subprocess.run(
        command("--save-path", str(tmp_path), "--url-prefix", "no-slash"),
        cwd=ROOT,
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert ended.returncode == 78, ended.stderr
    assert "--url-prefix" in ended.stderr
    assert "Traceback" not in ended.stderr


@pytest.mark.parametrize(
    ("settings", "is_open"),
    [
        ({}, True),
        ({"host": "::1"}, True),
        ({"host": "localhost"}, True),
        ({"host": "127.8.8.8"}, True),
        ({"host": "0.0.0.0"}, False),
        ({"host": "::"}, False),
        ({"host": "[::]"}, False),
        ({"host": "0:0:0:0:0:0:0:0"}, False),
        ({"host": "::ffff:0.0.0.0"}, False),
        ({"host": "[::1]"}, True),
        ({"host": "10.1.2.3"}, False),
        ({"host": "example.org"}, False),
        ({"host": "0.0.0.0", "insecure_no_auth": True}, True),
    ],
)
def test_public_address_needs_a_password(settings: dict[str, object], is_open: bool) -> None:
    """Only this machine's own address goes without, unless somebody says so."""
    chosen = DashboardSettings.model_validate(settings)
    check_exposure(chosen, "a password")
    if is_open:
        check_exposure(chosen, None)
    else:
        with pytest.raises(ConfigError, match="ask nobody"):
            check_exposure(chosen, None)


def test_readonly_keys_pass_and_others_do_not(s3_server: SeaweedServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """Against a real S3 server: an identity that may only read is accepted, one that may write is refused."""
    for name, value in s3_server.environment().items():
        monkeypatch.setenv(name, value)
    writer = S3Store(make_client(), bucket=BUCKET, prefix="readonly")
    with pytest.raises(ConfigError, match="can be written"):
        check_readonly(writer)
    assert list(writer.list("")) == []
    for name, value in s3_server.environment(READER).items():
        monkeypatch.setenv(name, value)
    check_readonly(S3Store(make_client(), bucket=BUCKET, prefix="readonly"))


def test_address_of_a_service_is_no_port() -> None:
    """Kubernetes names a Service's address like our port: it is not taken for one."""
    injected = {"LORENTZIAN_DASHBOARD_PORT": "tcp://10.0.0.1:8050", "LORENTZIAN_DASHBOARD_SERVICE_HOST": "10.0.0.1"}
    loaded = load_settings(
        DashboardCommand,
        command_name="dashboard",
        commands={"dashboard": DashboardCommand},
        flags={},
        environment=injected,
        config_file=None,
    )
    assert (loaded.settings.dashboard.port, loaded.sources["port"]) == (8050, "default")
