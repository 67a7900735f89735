"""Sentences of the job as a page shows them: what stands between backticks is a command or a word of the program."""

from dash import html
from dash.development.base_component import Component


def prose(text: str) -> list[str | Component]:
    """The text in parts, each pair of backticks as code; nothing else in it has a meaning."""
    parts = text.split("`")
    if len(parts) % 2 == 0:
        return [text]
    return [html.Code(part) if place % 2 else part for place, part in enumerate(parts) if part]
