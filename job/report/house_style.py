"""How every picture looks: colours, type, and the frame that all figures are made in.

Okabe-Ito colours that keep a contrast of 3:1 on white and on the page's dark background. Nothing of the user's own
matplotlib settings reaches a picture, so that equal content gives equal bytes. Never pyplot.
"""

from contextlib import AbstractContextManager
from typing import Any

import matplotlib
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure

# The page swaps these for its own light or dark ones; each must be unlike any colour of the data.
PAPER = "#fdfdfe"
INK = "#1f2429"
MUTED = "#5f6771"
GRID = "#d9dde2"

BLUE = "#0072b2"
VERMILION = "#d55e00"
GREEN = "#009e73"
DIVERGING = "RdBu"

WIDTH_INCHES = 9.0
DOTS_PER_INCH = 150

_STYLE = {
    "figure.dpi": DOTS_PER_INCH,
    "figure.facecolor": PAPER,
    "savefig.facecolor": PAPER,
    "axes.facecolor": PAPER,
    "axes.edgecolor": MUTED,
    "axes.labelcolor": INK,
    "axes.labelsize": 9.0,
    "axes.titlesize": 9.0,
    "axes.titlecolor": MUTED,
    "axes.titlelocation": "left",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": GRID,
    "grid.linewidth": 0.6,
    "text.color": INK,
    "text.parse_math": False,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "xtick.labelsize": 8.5,
    "ytick.labelsize": 8.5,
    "legend.frameon": False,
    "legend.fontsize": 8.5,
    "lines.linewidth": 1.4,
    "font.family": ["DejaVu Sans"],
    "svg.hashsalt": "lorentzian",
    "svg.fonttype": "none",
}


def house_style() -> AbstractContextManager[None]:
    """The settings under which a figure must be built and drawn."""
    settings: dict[Any, Any] = matplotlib.rcParamsDefault | _STYLE
    # Drawing needs no backend, and to name one here would load it.
    drawn = {name: value for name, value in settings.items() if "backend" not in name}
    context: AbstractContextManager[None] = matplotlib.rc_context(drawn)
    return context


def new_figure(question: str, *, height_inches: float) -> Figure:
    """An empty figure that asks its question."""
    figure = Figure(figsize=(WIDTH_INCHES, height_inches), layout="constrained")
    figure.suptitle(question, x=0.012, ha="left", fontsize=12, fontweight="bold")
    return figure


def finished(figure: Figure) -> Figure:
    """The figure with its layout fixed, so that the order of later drawings changes nothing."""
    engine = figure.get_layout_engine()
    assert engine is not None, "`new_figure` gives every figure one"
    engine.execute(figure)
    figure.set_layout_engine("none")
    return figure


def sentence_figure(question: str, sentence: str) -> Figure:
    """What stands in place of a picture that has nothing to show."""
    with house_style():
        figure = new_figure(question, height_inches=1.6)
        axes = figure.subplots()
        axes.set_axis_off()
        axes.text(0, 0.5, sentence, transform=axes.transAxes, va="center", color=MUTED, wrap=True)
        return finished(figure)


def legend_below(figure: Figure, *panels: Axes) -> None:
    """One row of the panels' labels, each once, under everything, where it can cover no data."""
    handles: dict[str, Artist] = {}
    for axes in panels:
        handles |= dict(zip(*reversed(axes.get_legend_handles_labels()), strict=True))
    figure.legend(list(handles.values()), list(handles), loc="outside lower left", ncols=len(handles))
