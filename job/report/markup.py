"""HTML from small functions. Whatever is not already markup is escaped, so that nothing can be forgotten."""

import html
from collections.abc import Sequence

VOID = frozenset({"meta", "br"})
# Numbers stay on one line; a sentence in a cell may not widen the whole table.
LONG_CELL = 32


class Markup(str):
    """Text that is HTML already."""

    __slots__ = ()


def element(tag: str, *children: str, **attributes: str) -> Markup:
    """One element.

    Parameters
    ----------
    tag : its name.
    children : Markup is taken as it is, other text is escaped.
    attributes : escaped; ``class_`` is class, and an underscore inside a name is a hyphen.
    """
    written = "".join(
        f' {name.rstrip("_").replace("_", "-")}="{html.escape(value)}"' for name, value in attributes.items()
    )
    if tag in VOID:
        return Markup(f"<{tag}{written}>")
    return Markup(f"<{tag}{written}>{join(children)}</{tag}>")


def join(children: Sequence[str], separator: str = "") -> Markup:
    """Several parts in a row."""
    return Markup(
        separator.join(child if isinstance(child, Markup) else html.escape(child, quote=False) for child in children)
    )


def table(head: tuple[str, ...], rows: list[tuple[str, ...]], *, caption: str) -> Markup:
    """A table that scrolls by itself where the screen is narrow; the first cell of a row names it."""
    header = element("tr", *(element("th", name, scope="col") for name in head))
    body = [element("tr", element("th", row[0], scope="row"), *map(_cell, row[1:])) for row in rows]
    whole = element("table", element("caption", caption), element("thead", header), element("tbody", join(body, "\n")))
    return element("div", whole, class_="scroll", role="region", tabindex="0", aria_label=caption)


def _cell(text: str) -> Markup:
    return element("td", text, class_="long") if len(text) > LONG_CELL else element("td", text)
