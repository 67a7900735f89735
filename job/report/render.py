"""A figure as bytes: the same figure gives the same bytes, in any process and on any day."""

import html
import re
from io import BytesIO, StringIO
from typing import Any

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure

from job.report.house_style import DOTS_PER_INCH, GRID, INK, MUTED, PAPER, house_style

COMPRESSION = 3  # a quarter less time than the default, for a twelfth more bytes
_NO_METADATA = {"Date": None, "Creator": None, "Format": None, "Type": None}
_THEME = {PAPER: "var(--paper)", INK: "var(--ink)", MUTED: "var(--muted)", GRID: "var(--grid)"}
_SVG_HEAD = re.compile(r"<svg[^>]*?(viewBox=\"[^\"]*\")[^>]*>", re.DOTALL)


def png_bytes(figure: Figure) -> bytes:
    """The figure as PNG, without date or program name."""
    buffer = BytesIO()
    with house_style():
        canvas: Any = FigureCanvasAgg(figure)
        canvas.print_png(buffer, metadata={"Software": None}, pil_kwargs={"compress_level": COMPRESSION})
    return buffer.getvalue()


def svg_text(figure: Figure) -> str:
    """The figure as a whole SVG document; its text stays text."""
    buffer = StringIO()
    with house_style():
        canvas: Any = FigureCanvasSVG(figure)
        canvas.print_svg(buffer, metadata=_NO_METADATA)
        figure.dpi = DOTS_PER_INCH  # the canvas leaves its own behind
    return buffer.getvalue()


def inline_svg(figure: Figure, *, name: str, summary: str) -> str:
    """The figure as an ``<svg>`` element that takes the page's colours.

    Parameters
    ----------
    name : str
        Letters and hyphens; keeps its ids apart from those of other pictures on the page.
    summary : str
        One sentence for those who cannot see it.
    """
    document = svg_text(figure)
    body = document[document.index("<svg") :].replace("xlink:href", "href")
    body = re.sub(r'(\sid="|="#|url\(#)', rf"\1{name}-", body)
    for colour, variable in _THEME.items():
        body = body.replace(colour, variable)
    title = html.escape(summary)
    return _SVG_HEAD.sub(rf'<svg \1 role="img" aria-label="{title}">', body, count=1).strip()
