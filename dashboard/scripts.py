"""Which scripts a page's HTML names: those that its first look needs, where Dash would have every page load all.

A grid's code `assets/grids.js` fetches once somebody goes on to a page with one; plotly's `assets/drawing.js` fetches
while a page of charts is still built, and Dash itself on the way to such a page.
"""

import re
from collections.abc import Iterable
from typing import Literal, TypeAlias

Need: TypeAlias = Literal["grid", "plots"]

UNUSED = "/dash/dash_table/"  # Dash's old table
GRID = "/dash_ag_grid/dash_ag_grid."
# What Dash asks for once a component is there, by the addresses it uses: fetched while the page is still built.
PREFETCHED: dict[Need, str] = {"grid": "dash_ag_grid/async-community.js", "plots": "dash/dcc/async-graph.js"}
SCRIPT = re.compile('<script src="([^"]*)"></script>')
PLOTS = "plotly/package_data/plotly.min.js"


def needed_scripts(scripts: str, needs: Iterable[Need], *, prefix: str) -> str:
    """The tags of a page.

    Parameters
    ----------
    scripts : what Dash wrote, a tag a line.
    needs : of the page.
    prefix : of every address, with a slash at its end.
    """
    files = f"{prefix}_dash-component-suites/"
    tags = [tag for tag in scripts.split("\n") if UNUSED not in tag]
    if "grid" not in needs:
        tags = [SCRIPT.sub(_told("grid-code", r"\1"), tag) if GRID in tag else tag for tag in tags]
    if "plots" in needs:
        tags.insert(0, _told("plots-code", files + PLOTS))
    later = [f'<link rel="prefetch" as="script" href="{files}{PREFETCHED[need]}">' for need in needs]
    return "\n".join(tags + later)


def _told(name: str, address: str) -> str:
    """Where the code is, for the scripts of this dashboard to fetch it."""
    return f'<template id="{name}" data-address="{address}"></template>'
