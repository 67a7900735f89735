"""Columns of numbers in a grid: they sort by the number, and show the text that was written for it."""

from typing import Any

# On the grid: what a cell is too narrow for, the browser itself shows.
TOOLTIPS = {"enableBrowserTooltips": True}


def number_column(field: str) -> dict[str, Any]:
    """The column of ``field``, whose text every row has under ``<field>_text``; as plain text, not a component each."""
    text = f"{field}_text"
    return {
        "field": field,
        "valueFormatter": {"function": f"params.data.{text}"},
        "tooltipField": text,
        "type": "rightAligned",
    }
