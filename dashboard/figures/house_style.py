"""How every figure looks. Colours of text and grid come from the style sheet, so that one figure fits both themes."""

from typing import Any

import plotly.graph_objects as go

# Okabe and Ito's palette, those that stand out 3:1 on white and on the dark ground alike.
BLUE, VERMILION, GREEN, PINK = "#0072B2", "#D55E00", "#009E73", "#CC79A7"
GREY = "#868e96"
BAND = "rgba(134, 142, 150, 0.25)"
COLOURS = (BLUE, VERMILION, GREEN, PINK, GREY)
# Pale enough for dark text on every cell; `heatmap-label` in the style sheet keeps that text dark in both themes.
PALE_DIVERGING = ((0.0, "#f4a582"), (0.5, "#f7f7f7"), (1.0, "#92c5de"))
PALE = ((0.0, "#f7f7f7"), (1.0, "#92c5de"))
MAX_POINTS = 2_000  # more than a screen has columns
HEIGHT = 340
# Room for labels of two lines, or as wide as `-12.34 %`. Where it is too little, plotly makes room and draws all again.
WIDE_LABELS = {"l": 80}
TALL_LABELS = {"b": 66}
MAX_SINGLE_TICKS = 10  # windows that each have their own number on an axis, on a telephone too

TEMPLATE = go.layout.Template(
    layout={
        "colorway": list(COLOURS),
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "font": {"family": "system-ui, sans-serif", "size": 13, "color": "#333"},
        "margin": {"l": 64, "r": 16, "t": 12, "b": 48},
        "legend": {"orientation": "h", "yanchor": "bottom", "y": 1.0, "x": 0},
        "xaxis": {"gridcolor": "#ddd", "zerolinecolor": "#999", "automargin": True, "title": {"standoff": 8}},
        "yaxis": {"gridcolor": "#ddd", "zerolinecolor": "#999", "automargin": True, "title": {"standoff": 8}},
        "hovermode": "x unified",
        "hoverlabel": {"namelength": -1},
        "dragmode": "zoom",
    }
)


def ticks_of_windows(num_windows: int) -> dict[str, Any]:
    """Of an axis that counts windows: none between two of them, which plotly would put there where they are few."""
    return {"dtick": 1} if num_windows <= MAX_SINGLE_TICKS else {}


def new_figure(*, x_title: str, y_title: str, height: int = HEIGHT, **layout: Any) -> go.Figure:
    """An empty figure with its axes named, units included.

    Parameters
    ----------
    layout : more of plotly's own layout; given here, many axes cost a tenth of what they cost one by one.
    """
    named = {"xaxis": {"title": {"text": x_title}}, "yaxis": {"title": {"text": y_title}}}
    return go.Figure(layout={"template": TEMPLATE, "height": height, "uirevision": "kept"} | named | layout)
