"""How far long work is: bars in a terminal, a JSON line now and then everywhere else."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

import structlog
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Column

from job.logs import is_interactive
from job.settings.operation import OutputSettings

LINE_EVERY_SECONDS = 10.0
BAR_WIDTH = 16  # leaves the note half of a line of 80 columns


class Tracker(Protocol):
    """Is told how much of the work is done."""

    def advance_to(self, done: int, total: int, *, note: str = "") -> None:
        """``done`` of ``total`` parts, and a few words on the part at hand."""
        ...


class _Bar:
    def __init__(self, progress: Progress, title: str) -> None:
        self._progress = progress
        self._task = progress.add_task(title, total=None, note="")

    def advance_to(self, done: int, total: int, *, note: str = "") -> None:
        self._progress.update(self._task, completed=done, total=total, note=note)


class _Lines:
    def __init__(self, title: str) -> None:
        self._log = structlog.get_logger().bind(work=title)
        self._started = self._last = time.monotonic()
        self._done_before: int | None = None
        self._log.info("work_started")

    def advance_to(self, done: int, total: int, *, note: str = "") -> None:
        now = time.monotonic()
        if self._done_before is None:
            self._done_before = done
        if now - self._last >= LINE_EVERY_SECONDS or done == total:
            self._last = now
            self._log.info("progress", done=done, total=total, eta_s=self._seconds_left(now, done, total), note=note)

    def _seconds_left(self, now: float, done: int, total: int) -> int | None:
        """By the pace so far; None before there is one."""
        num_new = done - (self._done_before or 0)
        return round((now - self._started) * (total - done) / num_new) if num_new > 0 else None


@contextmanager
def track(title: str, output: OutputSettings) -> Iterator[Tracker]:
    """Show progress of one piece of work until the block ends."""
    if not is_interactive() or not output.progress or output.quiet or output.log_format == "json":
        yield _Lines(title)
        return
    with _progress() as progress:
        yield _Bar(progress, title)


def _progress() -> Progress:
    return Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=BAR_WIDTH),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        TextColumn("left", style="progress.remaining"),
        TextColumn(
            "{task.fields[note]}",
            style="dim",
            markup=False,
            table_column=Column(no_wrap=True, overflow="ellipsis", ratio=1),
        ),
        console=Console(stderr=True),
        expand=True,
    )
