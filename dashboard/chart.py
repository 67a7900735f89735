"""What a chart is: a question, a figure that answers it, the same as a table, and one sentence. Pure.

Builders are functions ``(repository, **arguments) -> Chart``; `dashboard.figures.catalogue` names them, and from the
name follow the table, the CSV file and the redrawing on zoom, without a line in the page.
"""

import csv
import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import plotly.graph_objects as go

Cell: TypeAlias = str | int | float | None


@dataclass(frozen=True, kw_only=True)
class Table:
    """A chart's numbers. ``rows`` are as long as ``head``; None is what is undefined."""

    head: tuple[str, ...]
    rows: Sequence[tuple[Cell, ...]]

    def csv(self) -> str:
        """As a file for a spreadsheet; what is undefined is empty, and no cell can be taken for a formula."""
        buffer = io.StringIO()
        writer = csv.writer(buffer, lineterminator="\n")
        writer.writerow(self.head)
        writer.writerows([tuple(map(_plain, row)) for row in self.rows])
        return buffer.getvalue()


@dataclass(frozen=True, kw_only=True)
class Chart:
    """One chart.

    Parameters
    ----------
    question : its title, a question that it answers.
    note : n, units and baseline, under the title.
    summary : what it shows, one sentence, for whoever does not see it.
    """

    question: str
    note: str
    summary: str
    figure: go.Figure
    table: Table


@dataclass(frozen=True, kw_only=True)
class Control:
    """A choice that changes a chart; ``key`` is the builder's argument and its name in the address."""

    key: str
    label: str
    choices: tuple[tuple[str, str], ...]  # (value, label); the first is the default


Builder: TypeAlias = Callable[..., Chart]


def _plain(cell: Cell) -> Cell:
    is_formula = isinstance(cell, str) and cell[:1] in ("=", "+", "-", "@", "\t", "\r") and not _is_number(cell)
    return f"'{cell}" if is_formula else cell


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
