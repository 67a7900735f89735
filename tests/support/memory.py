"""How much memory a process and those it started hold together, by Linux's own count."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

LOOK_EVERY_S = 0.25
BYTES_PER_KIB = 1024


@dataclass(kw_only=True)
class PeakMemory:
    """The most bytes that were seen at one moment; shared pages are shared out among those that share them."""

    num_bytes: int = 0
    num_looks: int = field(default=0, repr=False)


@contextmanager
def watched_memory(process_id: int) -> Iterator[PeakMemory]:
    """Look at a process and its descendants every quarter of a second until the block ends."""
    peak, ended = PeakMemory(), threading.Event()

    def watch() -> None:
        while not ended.wait(LOOK_EVERY_S):
            peak.num_bytes = max(peak.num_bytes, sum(map(_proportional_bytes, _family(process_id))))
            peak.num_looks += 1

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        yield peak
    finally:
        ended.set()
        watcher.join()


def _family(process_id: int) -> list[int]:
    """The process and all that descend from it."""
    found = [process_id]
    for parent in found:
        with suppress(OSError):
            for task in Path(f"/proc/{parent}/task").iterdir():
                found += [int(child) for child in (task / "children").read_text().split()]
    return found


def _proportional_bytes(process_id: int) -> int:
    with suppress(OSError):
        for line in Path(f"/proc/{process_id}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) * BYTES_PER_KIB
    return 0
