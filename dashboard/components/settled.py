"""Parts of a page that never change: written out once, however often they are shown."""

import json

from dash import html
from dash.development.base_component import Component
from plotly.io.json import to_json_plotly


def settled(parts: list[Component]) -> Component:
    """The parts as one component, which gives Dash the same plain data each time; for reading only from here on."""
    whole = html.Section(parts)
    plain = json.loads(to_json_plotly(whole))
    whole.to_plotly_json = lambda: plain  # type: ignore[method-assign]  # what is asked of each component
    return whole
