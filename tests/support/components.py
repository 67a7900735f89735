"""What a page says, read from its components."""

from collections.abc import Iterator
from typing import Any

from dash.development.base_component import Component


def components_of(content: Any) -> Iterator[Component]:
    """Every component of a layout, in the order of reading."""
    if isinstance(content, (list, tuple)):
        for each in content:
            yield from components_of(each)
    elif isinstance(content, Component):
        yield content
        for name in ("title", "children"):
            yield from components_of(getattr(content, name, None))


def texts_of(content: Any) -> str:
    """All text of a layout, a piece a line."""
    return "\n".join(_pieces(content))


def _pieces(content: Any) -> Iterator[str]:
    if isinstance(content, (str, int, float)):
        yield str(content)
    elif isinstance(content, (list, tuple)):
        for each in content:
            yield from _pieces(each)
    elif isinstance(content, Component):
        for name in ("title", "children"):
            yield from _pieces(getattr(content, name, None))


def numbers_of(content: Any) -> dict[str, str]:
    """The numbers of the cards by the path that each has in the summary."""
    found = {}
    for component in components_of(content):
        properties = component.to_plotly_json()["props"]
        if "data-number" in properties:
            found[properties["data-number"]] = str(properties["children"])
    return found
