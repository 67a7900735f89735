"""The demo's two worlds from nothing to their verdicts, as a user starts it: 42 windows, eight models each.

Bar: 3 minutes of wall time on two cores.
"""

import resource
import subprocess
import sys
import tempfile
import time

NUM_WINDOWS = 42


def measure() -> dict[str, float]:
    """Seconds of wall time and of processor time, and the largest process's memory."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "job", "demo", "--save-path", folder]
        before, start = _children(), time.perf_counter()
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wall_s, after = time.perf_counter() - start, _children()
    processor_s = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return {
        "wall_s": wall_s,
        "processor_s": processor_s,
        "processor_s_per_window": processor_s / NUM_WINDOWS,
        "largest_process_gb": after.ru_maxrss / 2**20,
    }


def _children() -> resource.struct_rusage:
    return resource.getrusage(resource.RUSAGE_CHILDREN)
