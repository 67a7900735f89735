"""How commands print results: on stdout, as wide as its reader, or as JSON lines; nothing is taken for markup."""

import os
import sys

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from job.settings.operation import OutputSettings

# Of a pipe or a file: no window cuts lines there, and whoever searches them wants a row on one line.
PIPE_COLUMNS = 120


def is_for_machines(output: OutputSettings) -> bool:
    """Whether results are JSON lines: where that is asked for, and in a pod that nobody watches."""
    in_pod = "KUBERNETES_SERVICE_HOST" in os.environ and not sys.stdout.isatty()
    return output.log_format == "json" or (output.log_format == "auto" and in_pod)


class _ResultsConsole(Console):
    """Leaves it to the entry point to say that a reader has gone, where rich would end the process with 1."""

    def on_broken_pipe(self) -> None:
        raise BrokenPipeError


def results_console() -> Console:
    """The console for results."""
    is_told = sys.stdout.isatty() or "COLUMNS" in os.environ
    return _ResultsConsole(width=None if is_told else PIPE_COLUMNS, highlight=False, markup=False)


def results_table(*headers: str, title: str) -> Table:
    """An empty table that is narrow enough for a terminal of 80 columns."""
    table = Table(
        title=Text(title),
        title_justify="left",
        box=box.SIMPLE_HEAD,
        show_edge=False,
        pad_edge=False,
        padding=(0, 1, 0, 0),
    )
    for header in headers:
        table.add_column(header, overflow="fold")
    return table


def add_texts(table: Table, *cells: str, style: str = "") -> None:
    """Add a row of plain text."""
    table.add_row(*map(Text, cells), style=style)
