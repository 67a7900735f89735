"""What a chart is: a question, a figure that answers it, the same as a table, and one sentence. Pure.

Builders are functions ``(repository, **arguments) -> Chart``; `dashboard.figures.catalogue` names them, and from the
name follow the table, the CSV file and the redrawing on zoom, without a line in the page.
"""

import base64
import csv
import io
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeAlias

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

Cell: TypeAlias = str | int | float | None
Span: TypeAlias = tuple[int, int]  # UTC milliseconds, the first before the last
Line: TypeAlias = tuple[NDArray[Any], NDArray[Any]]  # x and y


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
    zoom : the lines that have more points where somebody looks closer, by their place in the figure.
    """

    question: str
    note: str
    summary: str
    figure: go.Figure
    table: Table
    zoom: Callable[[Span], Mapping[int, Line]] | None = None

    @cached_property
    def plain(self) -> dict[str, Any]:
        """The figure as a browser is sent it, checked and written out once; for reading only."""
        figure: dict[str, Any] = json.loads(self.figure.to_json(validate=False))
        return figure

    def seen(self, span: Span | None) -> dict[str, Any]:
        """`plain`, or the same with the points of a stretch: what is looked at closer is not checked again."""
        if span is None or self.zoom is None:
            return self.plain
        traces = list(self.plain["data"])
        for place, (x, y) in self.zoom(span).items():
            traces[place] = traces[place] | {"x": _typed(x), "y": _typed(y)}
        return self.plain | {"data": traces}


@dataclass(frozen=True, kw_only=True)
class Control:
    """A choice that changes a chart; ``key`` is the builder's argument and its name in the address."""

    key: str
    label: str
    choices: tuple[tuple[str, str], ...]  # (value, label); the first is the default


Builder: TypeAlias = Callable[..., Chart]


def _typed(values: NDArray[Any]) -> dict[str, str]:
    """An array as plotly.js reads it back: its little-endian bytes, and what they are."""
    little = np.ascontiguousarray(values, dtype=values.dtype.newbyteorder("<"))
    return {"dtype": little.dtype.str[1:], "bdata": base64.b64encode(little.data).decode()}


def _plain(cell: Cell) -> Cell:
    is_formula = isinstance(cell, str) and cell[:1] in ("=", "+", "-", "@", "\t", "\r") and not _is_number(cell)
    return f"'{cell}" if is_formula else cell


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
