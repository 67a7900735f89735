"""The dashboard on a screen: bytes on the wire, and the time until the first row or line stands there."""

import statistics
import time
from collections.abc import Callable
from typing import Any

from tests.benchmarks._dashboard_server import LONG
from tests.support.browsers import browser, until

NUM_LOADS, NUM_ZOOMS, NUM_CHANGES = 5, 20, 50
SETTLING_MS = 3_000
ROW = "document.querySelector('.ag-center-cols-container .ag-row')"
LINE = "document.querySelector('[data-chart=equity] .js-line')"
# A slow line and a slow processor, as the budgets name them: 10 Mbit/s, 40 ms, four times slower.
SLOW_LINE = {"offline": False, "latency": 40, "downloadThroughput": 1_250_000, "uploadThroughput": 1_250_000}
SLOW_CPU = 4
AFTER_ZOOM = """([from, to]) => new Promise(resolve => {
  const plot = document.querySelector('[data-chart=equity] .js-plotly-plot');
  const before = plot.data[0];
  const started = performance.now();
  plot.on('plotly_afterplot', () => { if (plot.data[0] !== before) { resolve(performance.now() - started); } });
  window.Plotly.relayout(plot, {'xaxis.range[0]': from, 'xaxis.range[1]': to});
  setTimeout(() => resolve(-1), 20000);
})"""


def screen_figures(address: str) -> dict[str, float]:
    """First loads, times to ready, zooms and the script heap; over 1,000 runs and one of 50,000 bars."""
    with browser() as opened:
        figures = _first_load(opened, f"{address}/", ROW, "overview")
        figures |= _first_load(opened, f"{address}/run/{LONG}", LINE, "session")
        figures |= {"zoom_on_screen_p95_ms": _zooms(opened, f"{address}/run/{LONG}")}
        return figures | {"heap_mb": _heap(opened, address)}


def many_runs_figures(address: str) -> dict[str, float]:
    """The grid of 10,000 runs."""
    with browser() as opened:
        found = [_load(opened, f"{address}/", ROW) for _ in range(NUM_LOADS)]
    return {
        "overview_10000_ready_ms": statistics.median(ready_ms for ready_ms, _ in found),
        "overview_10000_bytes": found[-1][1],
    }


def _first_load(opened: Any, url: str, ready: str, name: str) -> dict[str, float]:
    found = [_load(opened, url, ready) for _ in range(NUM_LOADS)]
    slow = [_load(opened, url, ready, is_slow=True)[0] for _ in range(3)]
    return {
        f"{name}_ready_ms": statistics.median(ready_ms for ready_ms, _ in found),
        f"{name}_first_load_bytes": found[-1][1],
        f"{name}_slow_ready_ms": statistics.median(slow),
    }


def _load(opened: Any, url: str, ready: str, *, is_slow: bool = False) -> tuple[float, float]:
    """Milliseconds until something stands there, and all bytes on the wire; nothing was cached before."""
    context = opened.new_context(viewport={"width": 1280, "height": 900})
    page = context.new_page()
    session = context.new_cdp_session(page)
    session.send("Network.enable")
    num_bytes: list[float] = []
    session.on("Network.loadingFinished", lambda event: num_bytes.append(event["encodedDataLength"]))
    if is_slow:
        session.send("Network.emulateNetworkConditions", SLOW_LINE)
        session.send("Emulation.setCPUThrottlingRate", {"rate": SLOW_CPU})
    started = time.perf_counter()
    page.goto(url, wait_until="commit")
    until(page, f"!!{ready}")
    ready_ms = 1000 * (time.perf_counter() - started)
    page.wait_for_load_state("networkidle", timeout=60_000)
    context.close()
    return ready_ms, sum(num_bytes)


def _zooms(opened: Any, url: str) -> float:
    """From the moment somebody has drawn a frame to the new line."""
    context = opened.new_context(viewport={"width": 1280, "height": 900})
    page = context.new_page()
    page.goto(url)
    until(page, f"!!{LINE}")
    page.wait_for_timeout(SETTLING_MS)
    page.evaluate(AFTER_ZOOM, ["2025-09-01", "2025-09-11"])  # the first may meet what plots say when they are new
    times = [
        page.evaluate(AFTER_ZOOM, [f"2025-08-{day:02d}", f"2025-08-{day + 10:02d}"]) for day in range(1, NUM_ZOOMS + 1)
    ]
    context.close()
    assert min(times) >= 0, "a zoom was never drawn again"
    return statistics.quantiles(times, n=20)[-1]


def _heap(opened: Any, address: str) -> float:
    """Memory of the page's scripts after fifty changes of page, collected."""
    context = opened.new_context(viewport={"width": 1280, "height": 900})
    page = context.new_page()
    session = context.new_cdp_session(page)
    page.goto(f"{address}/run/{LONG}")
    until(page, f"!!{LINE}")
    tabs: list[Callable[[], Any]] = [
        page.get_by_role("link", name=name, exact=True).click for name in ("Windows", "Session", "Live", "Honesty")
    ]
    for number in range(NUM_CHANGES):
        tabs[number % len(tabs)]()
        page.wait_for_load_state("networkidle", timeout=60_000)
    session.send("HeapProfiler.collectGarbage")
    used: float = session.send("Runtime.getHeapUsage")["usedSize"]
    context.close()
    return used / 1e6
