"""How fast the dashboard answers: every row of its budgets, with what each may be, and whether it is.

With 1,000 and 10,000 made-up runs in the index and a session of 50,000 bars, one worker, on this machine.
"""

import sys
import tempfile
from pathlib import Path

from job.artifacts.folder import LocalStore
from job.artifacts.keys import RUNS_INDEX
from job.run.index import index_bytes
from tests.benchmarks._dashboard_browser import many_runs_figures, screen_figures
from tests.benchmarks._dashboard_server import LONG, server_figures, serving
from tests.support.long_sessions import store_long_session
from tests.support.run_indexes import made_up_index

NUM_RUNS, NUM_MANY_RUNS, NUM_MARKS = 1_000, 10_000, 50_000
BUDGETS = {
    # Half of it are the names of fields, which the first release has to find when it reads beside this one.
    "index_json_bytes": 560_000,
    "index_html_bytes": 20_000,
    "start_ms": 3_000,
    "overview_first_load_bytes": 1_300_000,
    "session_first_load_bytes": 1_600_000,
    "overview_ready_ms": 1_500,
    "session_ready_ms": 2_000,
    "overview_slow_ready_ms": 3_500,
    "session_slow_ready_ms": 4_500,
    "overview_10000_ready_ms": 3_000,
    "overview_10000_bytes": 2_000_000,
    "overview_p95_ms": 100,
    "session_p95_ms": 100,
    "windows_p95_ms": 100,
    "honesty_p95_ms": 100,
    "live_p95_ms": 100,
    "zoom_p95_ms": 100,
    "zoom_on_screen_p95_ms": 250,
    "zoom_20_clients_p95_ms": 500,
    "session_20_clients_p95_ms": 500,
    "rss_mb": 300,
    "rss_slope_mb_per_1000": 5,
    "heap_mb": 60,
}


def measure() -> dict[str, float]:
    """Figures by name, in bytes, milliseconds and MB; those above their budget are named on stderr."""
    with tempfile.TemporaryDirectory() as folder:
        store_long_session(Path(folder), run_id=LONG, num_marks=NUM_MARKS)
        figures = {"index_json_bytes": float(_write_index(Path(folder), NUM_RUNS))}
        with serving(Path(folder)) as server:
            figures |= server_figures(server)
        with serving(Path(folder)) as server:
            figures |= screen_figures(server.address)
    with tempfile.TemporaryDirectory() as folder:
        _write_index(Path(folder), NUM_MANY_RUNS)
        with serving(Path(folder)) as server:
            figures |= many_runs_figures(server.address)
    for name, budget in BUDGETS.items():
        if figures[name] > budget:
            print(f"above its budget: {name} is {figures[name]:,.1f}, and may be {budget:,}", file=sys.stderr)
    return figures


def _write_index(folder: Path, num_runs: int) -> int:
    data = index_bytes(made_up_index(num_runs).runs)
    LocalStore(folder).put(RUNS_INDEX, data)
    return len(data)
