"""At which cost does the edge end? The Sharpe ratio of the same decisions at other costs. Pure."""

import numpy as np

from dashboard.chart import Chart, Table
from dashboard.figures.house_style import BLUE, GREY, VERMILION, new_figure
from dashboard.figures.run_parts import curves_of, defined, result_of, written
from dashboard.figures.sentence import sentence_chart
from dashboard.reading import Session
from job.report.numbers import bps

QUESTION = "At which cost does the edge end?"


def costs_chart(session: Session) -> Chart:
    """A line over the cost of a side; the assumed cost and the break-even stand upright."""
    curves, summary = curves_of(session), result_of(session).summary
    is_known = np.isfinite(curves.cost_sharpe)
    break_even = summary.break_even_bps
    note = (
        f"Sharpe ratio of {summary.traded_model}, n = {summary.num_days} days, were fee and slippage of a side other. "
        f"Assumed: {bps(summary.assumed_cost_bps)}; break-even of the net return: {written(break_even, bps)}. "
        "Baseline: 0."
    )
    if not is_known.any():
        return sentence_chart(question=QUESTION, note=note, reason="no Sharpe ratio at any cost")
    figure = new_figure(x_title="cost of a side, basis points", y_title="Sharpe ratio, per year")
    figure.add_hline(y=0, line={"color": GREY, "dash": "dot", "width": 1.2})
    figure.add_vline(
        x=summary.assumed_cost_bps,
        line={"color": GREY, "width": 1.6},
        annotation={"text": "assumed", "textangle": -90, "xanchor": "right", "y": 0, "yanchor": "bottom"},
    )
    if break_even.value is not None:
        figure.add_vline(
            x=break_even.value,
            line={"color": VERMILION, "width": 1.6, "dash": "dash"},
            annotation={"text": "break-even", "textangle": -90, "xanchor": "right", "y": 0, "yanchor": "bottom"},
        )
    figure.add_scatter(
        x=curves.cost_bps[is_known],
        y=curves.cost_sharpe[is_known],
        mode="lines+markers",
        line={"color": BLUE},
        name=summary.traded_model,
        hovertemplate="%{y:.2f}",
    )
    figure.update_xaxes(zeroline=False)
    return Chart(
        question=QUESTION,
        note=note,
        summary=f"Break-even cost of a side: {written(break_even, bps)}; {bps(summary.assumed_cost_bps)} were assumed.",
        figure=figure,
        table=Table(
            head=("cost of a side, bps", "Sharpe ratio"),
            rows=[
                (float(cost), defined(value)) for cost, value in zip(curves.cost_bps, curves.cost_sharpe, strict=True)
            ],
        ),
    )
