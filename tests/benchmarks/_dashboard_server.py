"""The dashboard as a process, asked as a browser asks: times, bytes and memory, without a browser."""

import os
import statistics
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.support.page_calls import page_call, zoom_call
from tests.support.seaweedfs import free_ports

NUM_CLIENTS, NUM_AT_ONCE, NUM_MIXED = 20, 400, 1_000
NUM_WARM, NUM_TIMED = 3, 40
LONG = "long"
PAGES = {
    "overview": "/",
    "session": f"/run/{LONG}",
    "windows": f"/run/{LONG}/windows",
    "honesty": f"/run/{LONG}/honesty",
    "live": f"/run/{LONG}/live",
}


@dataclass(frozen=True, kw_only=True)
class Server:
    """One that answers, with one worker."""

    address: str
    pid: int
    start_ms: float

    def get(self, path: str) -> bytes:
        """A plain request."""
        with urllib.request.urlopen(self.address + path, timeout=60) as answer:
            data: bytes = answer.read()
        return data

    def post(self, body: bytes) -> bytes:
        """A callback; an answer that is none is an error."""
        headers = {"Content-Type": "application/json", "Accept-Encoding": "br"}
        request = urllib.request.Request(f"{self.address}/_dash-update-component", body, headers)
        with urllib.request.urlopen(request, timeout=60) as answer:
            data: bytes = answer.read()
        return data

    def milliseconds(self, body: bytes) -> float:
        """How long a callback takes, from here."""
        started = time.perf_counter()
        self.post(body)
        return 1000 * (time.perf_counter() - started)

    @property
    def rss_mb(self) -> float:
        """Resident memory of the worker."""
        children = Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text().split()
        pages = [int(Path(f"/proc/{child}/statm").read_text().split()[1]) for child in children]
        return max(pages) * os.sysconf("SC_PAGE_SIZE") / 1e6


@contextmanager
def serving(folder: Path) -> Iterator[Server]:
    """`lorentzian dashboard` over a folder."""
    (port,) = free_ports(1)
    command = [sys.executable, "-m", "job", "dashboard", "--quiet", "--metrics-port", "0", "--port", str(port)]
    started = time.perf_counter()
    with subprocess.Popen([*command, "--save-path", str(folder)], stderr=subprocess.DEVNULL) as process:
        try:
            address = f"http://127.0.0.1:{port}"
            _wait_for(f"{address}/healthz")
            yield Server(address=address, pid=process.pid, start_ms=1000 * (time.perf_counter() - started))
        finally:
            process.terminate()


def server_figures(server: Server) -> dict[str, float]:
    """What a server over 1,000 runs and one of 50,000 bars is measured by."""
    figures = {"start_ms": server.start_ms, "index_html_bytes": float(len(server.get("/")))}
    for name, path in PAGES.items():
        body = page_call(path)
        figures[f"{name}_cold_ms"] = server.milliseconds(body)
        figures[f"{name}_p95_ms"] = _p95(_times(server, [body]))
    figures["zoom_p95_ms"] = _p95(_times(server, list(zooms())))
    figures["zoom_20_clients_p95_ms"] = _p95(_at_once(server, list(zooms())))
    figures["session_20_clients_p95_ms"] = _p95(_at_once(server, [page_call(PAGES["session"])]))
    return figures | _memory(server)


def zooms() -> Iterator[bytes]:
    """Stretches of ten days, one after the other."""
    for day in range(1, 21):
        yield zoom_call(
            "drawdowns" if day % 5 == 0 else "equity", f"run_id={LONG}", start=_day(day), end=_day(day + 10)
        )


def _times(server: Server, bodies: list[bytes]) -> list[float]:
    for body in bodies[:NUM_WARM]:
        server.post(body)
    return [server.milliseconds(bodies[number % len(bodies)]) for number in range(NUM_TIMED)]


def _at_once(server: Server, bodies: list[bytes]) -> list[float]:
    with ThreadPoolExecutor(NUM_CLIENTS) as clients:
        return list(clients.map(lambda number: server.milliseconds(bodies[number % len(bodies)]), range(NUM_AT_ONCE)))


def _memory(server: Server) -> dict[str, float]:
    """After 1,000 requests of every kind; the slope is that of the second half of them."""
    calls = [*(page_call(path) for path in PAGES.values()), *zooms()]
    seen: dict[int, float] = {}
    for number in range(1, NUM_MIXED + 1):
        server.post(calls[number % len(calls)])
        if number % 10 == 0:
            server.get(f"/csv/equity.csv?run_id={LONG}")
        if number % (NUM_MIXED // 10) == 0:
            seen[number] = server.rss_mb
    half = [number for number in seen if number >= NUM_MIXED // 2]
    slope = statistics.linear_regression(half, [seen[number] for number in half]).slope
    return {"rss_mb": seen[NUM_MIXED], "rss_slope_mb_per_1000": 1000 * slope}


def _wait_for(address: str) -> None:
    for _ in range(1200):
        try:
            urllib.request.urlopen(address, timeout=5).close()
            return
        except OSError:
            time.sleep(0.02)
    raise TimeoutError(address)


def _day(number: int) -> str:
    return f"2025-08-{number:02d}" if number <= 31 else f"2025-09-{number - 31:02d}"


def _p95(values: list[float]) -> float:
    return statistics.quantiles(values, n=20)[-1]
