"""A table as a grid: virtual, so that many rows cost no more than a screen of them."""

from collections.abc import Sequence
from typing import Any

import dash_ag_grid as dag
from dash import html
from dash.development.base_component import Component

from dashboard.chart import Cell, Table
from dashboard.components.attributes import aria
from dashboard.components.prose import prose
from dashboard.figures.run_parts import UNDEFINED

MAX_ROWS = 5_000
# Up to this a plain table is shorter to read, and to listen to, than a grid.
MAX_PLAIN_ROWS = 40
# More columns than these stand closer together.
MAX_WIDE_COLUMNS = 10


def table_component(table: Table, *, label: str) -> Component:
    """The rows; of very many only the first, and where the others are."""
    if len(table.rows) <= MAX_PLAIN_ROWS:
        return plain_table(table, label=label)
    shown = table.rows[:MAX_ROWS]
    note = f"The first {MAX_ROWS:,} of {len(table.rows):,} rows; the CSV file has all." if shown != table.rows else ""
    columns: list[dict[str, Any]] = [
        {"field": str(number), "headerName": name} for number, name in enumerate(table.head)
    ]
    return html.Div(
        [
            html.P(note, className="muted"),
            dag.AgGrid(
                columnDefs=columns,
                rowData=[{str(number): cell for number, cell in enumerate(row)} for row in shown],
                defaultColDef={"sortable": True, "resizable": True, "flex": 1, "minWidth": 110},
                dashGridOptions={"rowHeight": 30},
                style={"height": "320px"},
            ),
        ],
        **aria(label=label),
        role="region",
    )


def plain_table(table: Table, *, label: str) -> Component:
    """A table of a few rows; the first cell names its row."""
    kinds = ["", *(_kind([row[place] for row in table.rows]) for place in range(1, len(table.head)))]
    return html.Div(
        html.Table(
            [
                html.Caption(label, className="visually-hidden"),
                html.Thead(
                    html.Tr([html.Th(n, scope="col", className=k) for n, k in zip(table.head, kinds, strict=True)])
                ),
                html.Tbody([html.Tr(_cells(row, kinds)) for row in table.rows]),
            ],
            className="plain dense" if len(table.head) > MAX_WIDE_COLUMNS else "plain",
        ),
        className="scroll",
        tabIndex=0,
        role="region",
        **aria(label=label),
    )


def _cells(row: tuple[Cell, ...], kinds: Sequence[str]) -> list[Component]:
    first, *others = row
    cells = zip(others, kinds[1:], strict=True)
    return [html.Th(_text(first), scope="row"), *(html.Td(prose(_text(cell)), className=kind) for cell, kind in cells)]


def _kind(cells: Sequence[Cell]) -> str:
    """A column of numbers stands right, under each other, with those that are undefined; one of words stands left."""
    texts = [_text(cell) for cell in cells]
    return "number" if texts and all(map(_is_number, texts)) else ""


def _is_number(text: str) -> bool:
    return text[:1].isdigit() or text[:1] in "+-–∞<>" or text.startswith(f"{UNDEFINED}: ")


def _text(cell: Cell) -> str:
    if cell is None:
        return "–"
    return f"{cell:,.6g}" if isinstance(cell, float) else str(cell)
