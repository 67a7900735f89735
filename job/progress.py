"""How far long work is: bars in a terminal, a JSON line now and then everywhere else."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

import structlog
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from job.logs import is_interactive
from job.settings import OutputSettings

LINE_EVERY_SECONDS = 10.0


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
        self._title = title
        self._last = time.monotonic()

    def advance_to(self, done: int, total: int, *, note: str = "") -> None:
        now = time.monotonic()
        if now - self._last >= LINE_EVERY_SECONDS or done == total:
            self._last = now
            structlog.get_logger().info("progress", work=self._title, done=done, total=total, note=note)


@contextmanager
def track(title: str, output: OutputSettings) -> Iterator[Tracker]:
    """Show progress of one piece of work until the block ends."""
    if not (output.progress and is_interactive() and output.log_format != "json"):
        yield _Lines(title)
        return
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        TextColumn("[dim]{task.fields[note]}"),
    )
    with Progress(*columns, console=Console(stderr=True)) as progress:
        yield _Bar(progress, title)
