"""A chart of what cannot be drawn: its question stays, and the reason stands where the picture would. Pure."""

import textwrap

from dashboard.chart import Chart, Table
from dashboard.figures.house_style import new_figure

HEIGHT = 120
LINE_CHARACTERS = 36  # what a telephone shows side by side


def sentence_chart(*, question: str, note: str, reason: str) -> Chart:
    """``undefined: <reason>`` in place of a picture, and as the only row of its table."""
    text = f"undefined: {reason}"
    figure = new_figure(x_title="", y_title="", height=HEIGHT)
    shown = "<br>".join(textwrap.wrap(text, LINE_CHARACTERS))
    figure.add_annotation(text=shown, x=0.5, y=0.5, xref="paper", yref="paper", showarrow=False, font_size=14)
    figure.update_xaxes(visible=False)
    figure.update_yaxes(visible=False)
    return Chart(
        question=question, note=note, summary=f"{question} {text}.", figure=figure, table=Table(head=(text,), rows=())
    )
