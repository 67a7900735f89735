"""What a page is: an address, a title and the question it answers, and a function from its arguments to components."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias
from urllib.parse import parse_qs, unquote

from dash.development.base_component import Component

from dashboard.repository import Repository
from dashboard.scripts import Need

Layout: TypeAlias = Callable[..., list[Component]]
# What a query may bring: more is nobody's link.
MAX_ARGUMENT_CHARACTERS = 2_000


@dataclass(frozen=True, kw_only=True)
class Page:
    """One page.

    Parameters
    ----------
    path : with variables in angle brackets, such as ``/run/<run_id>/windows``.
    title : its heading, and what the browser's tab says.
    question : what it answers, one sentence under the heading.
    layout : ``layout(repository, **arguments)``: path variables and query, all text.
    in_navigation : whether it stands in the header; pages of a run have tabs instead.
    needs : the code that its first look needs besides what every page does.
    """

    path: str
    title: str
    question: str
    layout: Layout
    in_navigation: bool = False
    needs: tuple[Need, ...] = ()

    def arguments(self, path: str) -> dict[str, str] | None:
        """The path variables where ``path`` is this page's, else None."""
        pattern = re.sub(r"<(\w+)>", r"(?P<\1>[^/]+)", self.path.rstrip("/") or "/")
        found = re.fullmatch(pattern, path.rstrip("/") or "/")
        return None if found is None else {name: unquote(value) for name, value in found.groupdict().items()}

    def heading(self, path: str) -> str:
        """Its title, with the window and the run, or the market, that an address is about."""
        own = self.arguments(path) or {}
        title = " ".join([self.title, *([own["index"]] if "index" in own else [])])
        if "symbol" in own:
            return f"{title}: {own['symbol']} {own['interval']} ({own['venue']})"
        return f"{title}: {own['run_id']}" if "run_id" in own else title

    def build(self, repository: Repository, path: str, search: str) -> list[Component]:
        """Its components for an address; arguments that it does not know are left out."""
        own = self.arguments(path) or {}
        known = self.layout.__code__.co_varnames[: _num_names(self.layout)]
        query = {name: value for name, value in query_of(search).items() if name in known and name not in own}
        return self.layout(repository, **query, **own)


def _num_names(layout: Layout) -> int:
    return int(layout.__code__.co_argcount + layout.__code__.co_kwonlyargcount)


def query_of(search: str) -> dict[str, str]:
    """The query of an address, the first value of each name, nothing that is too long."""
    pairs: dict[str, list[Any]] = parse_qs(search.lstrip("?")[: 10 * MAX_ARGUMENT_CHARACTERS], max_num_fields=50)
    return {name: values[0] for name, values in pairs.items() if len(values[0]) <= MAX_ARGUMENT_CHARACTERS}
