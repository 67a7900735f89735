"""The windows of a run in a terminal, as the dashboard's page Live draws them: a letter a window, and words below."""

from collections.abc import Sequence

from rich.console import Console
from rich.text import Text

from job.commands.results import add_texts, results_table
from job.records import ExecutionRecord
from job.report.window_progress import (
    LETTERS,
    WindowCell,
    failures_by_code,
    legend,
    progress_rows,
    window_cell,
)
from job.run.state import WindowState

STYLES = {"running": "bold cyan", "stale": "bold magenta", "due": "bold magenta", "done": "green"}
STYLES |= {"failed": "bold red", "lost": "bold red"}
# Tens are counted by eye; of very many windows a line holds as many as 80 columns do.
FEW_WINDOWS, NUM_IN_LINE, NUM_IN_LONG_LINE, NUM_IN_GROUP = 200, 10, 30, 5


def print_windows(
    console: Console,
    states: Sequence[WindowState],
    executions: Sequence[ExecutionRecord],
    *,
    title: str,
    now_ms: int,
) -> None:
    """The grid, what its letters mean, the time left, and a line for each window that needs a word.

    Parameters
    ----------
    executions : how windows ran that are done, the last ones.
    """
    cells = [window_cell(state, now_ms=now_ms) for state in states]
    console.print(Text(title, style="italic"))
    console.print()
    for line in grid_lines(cells):
        console.print(line)
    console.print()
    console.print(Text(legend(cells), style="dim"))
    progress = results_table("what", "now", title="Progress")
    for row in progress_rows(states, executions, now_ms=now_ms):
        add_texts(progress, *row)
    console.print()
    console.print(progress)
    failures = failures_by_code(states)
    if failures:
        table = results_table("exit code", "windows", "which", "what and what to do", title="Failures by exit code")
        for failure in failures:
            add_texts(table, *failure)
        console.print(table)
    told = [cell for cell in cells if cell.detail]
    if told:
        table = results_table("window", "state", "detail", title="Windows that need a word")
        for cell in told:
            add_texts(table, str(cell.index), cell.name, cell.detail)
        console.print(table)


def grid_lines(cells: Sequence[WindowCell]) -> list[Text]:
    """The letters in lines, each after the index that it begins with."""
    length = NUM_IN_LINE if len(cells) <= FEW_WINDOWS else NUM_IN_LONG_LINE
    width = len(str(cells[-1].index)) if cells else 0
    lines = []
    for start in range(0, len(cells), length):
        line = Text(f"{cells[start].index:>{width + 2}} ")
        for place, cell in enumerate(cells[start : start + length]):
            line.append(" " if place % NUM_IN_GROUP else "  ")
            line.append(LETTERS[cell.name], style=STYLES.get(cell.name, ""))
        lines.append(line)
    return lines
