"""How fast the dashboard answers: bytes, server time of the overview, many clients at once, and memory."""

import gzip
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from job.artifacts.folder import LocalStore
from job.artifacts.keys import RUNS_INDEX
from job.artifacts.stored_records import record_bytes
from tests.support.run_indexes import made_up_index
from tests.support.seaweedfs import free_ports

NUM_CLIENTS, NUM_REQUESTS, NUM_WARM = 20, 1_000, 20
OVERVIEW = {
    "output": "page.children",
    "outputs": {"id": "page", "property": "children"},
    "inputs": [
        {"id": "url", "property": "pathname", "value": "/"},
        {"id": "url", "property": "search", "value": ""},
        {"id": "retry", "property": "n_clicks"},
    ],
    "changedPropIds": ["url.pathname"],
}


def measure() -> dict[str, float]:
    """Figures by name: bytes, milliseconds and MB, with 1,000 and 10,000 runs in the index."""
    figures: dict[str, float] = {}
    for num_runs in (1_000, 10_000):
        with tempfile.TemporaryDirectory() as folder:
            data = record_bytes(made_up_index(num_runs))
            LocalStore(Path(folder)).put(RUNS_INDEX, data)
            figures[f"index_json_bytes_{num_runs}"] = float(len(data))
            figures |= {f"{name}_{num_runs}": value for name, value in _served(folder).items()}
    return figures


def _served(folder: str) -> dict[str, float]:
    (port,) = free_ports(1)
    started = time.perf_counter()
    command = [sys.executable, "-m", "job", "dashboard", "--quiet", "--metrics-port", "0", "--port", str(port)]
    with subprocess.Popen([*command, "--save-path", folder], stderr=subprocess.DEVNULL) as server:
        try:
            address = f"http://127.0.0.1:{port}"
            _wait_for(f"{address}/healthz")
            figures = {"start_ms": 1000 * (time.perf_counter() - started)}
            figures["page_bytes"] = float(len(_get(f"{address}/")))
            times = [_timed(address) for _ in range(NUM_WARM + 1)][1:]
            figures |= {"callback_p50_ms": statistics.median(times), "callback_p95_ms": _p95(times)}
            figures["callback_wire_bytes"] = float(len(_ask(address)))
            with ThreadPoolExecutor(NUM_CLIENTS) as clients:
                at_once = list(clients.map(lambda _: _timed(address), range(NUM_REQUESTS)))
            figures |= {"clients_p95_ms": _p95(at_once), "rss_mb": _rss_mb(server.pid)}
        finally:
            server.terminate()
    return figures


def _ask(address: str) -> bytes:
    body = json.dumps(OVERVIEW).encode()
    headers = {"Content-Type": "application/json", "Accept-Encoding": "gzip"}
    with urllib.request.urlopen(urllib.request.Request(f"{address}/_dash-update-component", body, headers)) as answer:
        data: bytes = answer.read()
    return data


def _timed(address: str) -> float:
    started = time.perf_counter()
    data = _ask(address)
    taken = 1000 * (time.perf_counter() - started)
    assert b"run-00000" in gzip.decompress(data)
    return taken


def _get(address: str) -> bytes:
    with urllib.request.urlopen(address, timeout=60) as answer:
        data: bytes = answer.read()
    return data


def _wait_for(address: str) -> None:
    for _ in range(600):
        try:
            _get(address)
            return
        except OSError:
            time.sleep(0.05)
    raise TimeoutError(address)


def _p95(values: list[float]) -> float:
    return statistics.quantiles(values, n=20)[-1]


def _rss_mb(pid: int) -> float:
    """Resident memory of the largest worker, in MB."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    pages = [int(Path(f"/proc/{child}/statm").read_text().split()[1]) for child in children]
    return max(pages) * os.sysconf("SC_PAGE_SIZE") / 1e6
