"""What did a trade earn? Net results of the closed trades, longs and shorts apart. Pure."""

import numpy as np

from dashboard.chart import Chart, Table
from dashboard.figures.house_style import BLUE, GREY, VERMILION, new_figure
from dashboard.figures.run_parts import curves_of, result_of
from dashboard.figures.sentence import sentence_chart
from dashboard.reading import Session
from job.arrays import FloatArray
from job.report.numbers import bps, count

QUESTION = "What did a trade earn?"
MAX_BINS = 40
BPS = 10_000


def trades_chart(session: Session) -> Chart:
    """A histogram in basis points of the size a trade was entered with, after all costs."""
    trades, summary = curves_of(session).trades, result_of(session).summary
    gain = trades.gain * BPS
    note = (
        f"Net result of each closed trade of {summary.traded_model}, in basis points of its size, n = "
        f"{count(len(gain))}. "
        f"Baseline: 0, which is after {bps(2 * summary.assumed_cost_bps)} of costs there and back."
    )
    if not len(gain):
        return sentence_chart(question=QUESTION, note=note, reason="no trades")
    edges = _edges(gain)
    middle, width = (edges[1:] + edges[:-1]) / 2, edges[1] - edges[0]
    longs, shorts = (np.histogram(gain[trades.side == side], edges)[0] for side in (1, -1))
    figure = new_figure(x_title="net result, basis points", y_title="trades")
    for name, counts, colour, pattern in (("long", longs, BLUE, ""), ("short", shorts, VERMILION, "/")):
        figure.add_bar(
            x=middle, y=counts, width=width, name=name, marker={"color": colour, "pattern": {"shape": pattern}}
        )
    figure.update_layout(barmode="stack")
    figure.add_vline(x=0, line={"color": GREY, "dash": "dot", "width": 1.2})
    figure.add_vline(x=float(gain.mean()), line={"color": GREY, "width": 2})
    return Chart(
        question=QUESTION,
        note=f"{note} Solid line: the mean, {bps(float(gain.mean()))}.",
        summary=(
            f"{count((gain > 0).sum())} of {count(len(gain))} trades earned; the mean is {bps(float(gain.mean()))}."
        ),
        figure=figure,
        table=Table(
            head=("from, bps", "to, bps", "long", "short"),
            rows=[
                (round(float(low), 1), round(float(high), 1), int(a), int(b))
                for low, high, a, b in zip(edges[:-1], edges[1:], longs, shorts, strict=True)
            ],
        ),
    )


def _edges(gain: FloatArray) -> FloatArray:
    """Bins of equal width with zero among the edges, so that no bin mixes gains and losses."""
    low, high = min(0.0, float(gain.min())), max(0.0, float(gain.max()))
    num = int(min(MAX_BINS, max(6, np.sqrt(len(gain)) * 2)))
    width = (high - low) / num or 1.0
    first, last = int(np.floor(low / width)), int(np.floor(high / width)) + 1
    return np.asarray(np.arange(first, last + 1) * width, dtype=np.float64)
