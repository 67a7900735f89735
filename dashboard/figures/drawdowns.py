"""How deep and how long were the falls? The five deepest of the joined account, from peak to recovery. Pure."""

from dataclasses import dataclass

import numpy as np

from dashboard.chart import Chart, Table
from dashboard.figures.equity import fall_of
from dashboard.figures.house_style import BLUE, GREY, VERMILION, WIDE_LABELS, new_figure
from dashboard.figures.run_parts import curves_of, result_of
from dashboard.figures.sentence import sentence_chart
from dashboard.reading import Session
from job.arrays import FloatArray, IntArray
from job.intervals import DAY_MS, format_utc
from job.report.numbers import count, percent

QUESTION = "How deep and how long were the falls?"
NUM_SHOWN = 5
NOT_YET = "not yet"


@dataclass(frozen=True, kw_only=True)
class Drawdown:
    """One fall of an account below a high.

    Parameters
    ----------
    peak_ms, trough_ms : when it began and was deepest.
    recovered_ms : when the account was back at the high, or None where it never was.
    depth : a fraction < 0.
    """

    peak_ms: int
    trough_ms: int
    recovered_ms: int | None
    depth: float


def deepest_drawdowns(time_ms: IntArray, equity: FloatArray, *, num: int = NUM_SHOWN) -> list[Drawdown]:
    """The deepest falls that do not overlap, the deepest first.

    Parameters
    ----------
    time_ms : int64 (n,), ascending.
    equity : float64 (n,), > 0 at its start.
    """
    fall = fall_of(equity)
    is_under = np.append(np.append(False, fall < 0), False)
    starts, ends = (
        np.flatnonzero(np.diff(is_under.astype(np.int8)) == 1),
        np.flatnonzero(np.diff(is_under.astype(np.int8)) == -1),
    )
    found = []
    for start, end in zip(starts, ends, strict=True):
        trough = start + int(np.argmin(fall[start:end]))
        found.append(
            Drawdown(
                peak_ms=int(time_ms[start - 1]),  # the start is no fall, so there is a mark before
                trough_ms=int(time_ms[trough]),
                recovered_ms=int(time_ms[end]) if end < len(time_ms) else None,
                depth=float(fall[trough]),
            )
        )
    return sorted(found, key=lambda each: each.depth)[:num]


def drawdowns_chart(session: Session) -> Chart:
    """A line a fall, from peak to recovery, its deepest point marked."""
    curves, traded = curves_of(session), result_of(session).summary.traded_model
    falls = deepest_drawdowns(curves.time_ms, curves.equity[traded])
    note = (
        f"The {NUM_SHOWN} deepest falls of {traded} below an earlier high, net of costs, n = "
        f"{count(len(curves.time_ms) - 1)} bars. Baseline: never below."
    )
    if not falls:
        return sentence_chart(question=QUESTION, note=note, reason="the account never fell")
    end_ms = int(curves.time_ms[-1])
    figure = new_figure(x_title="UTC", y_title="", height=110 + 34 * len(falls), margin=WIDE_LABELS)
    for row, fall in enumerate(falls):
        end = fall.recovered_ms or end_ms
        colour = BLUE if fall.recovered_ms is not None else VERMILION
        figure.add_scatter(
            x=[fall.peak_ms, end],
            y=[row, row],
            mode="lines+markers",
            line={"color": colour, "width": 3},
            marker={"symbol": ["circle", "circle" if fall.recovered_ms is not None else "triangle-right"], "size": 9},
            showlegend=False,
            hoverinfo="skip",
        )
        figure.add_scatter(
            x=[fall.trough_ms],
            y=[row],
            mode="markers",
            marker={"symbol": "diamond", "size": 11, "color": GREY, "line": {"color": colour, "width": 2}},
            showlegend=False,
            hovertemplate=f"{percent(fall.depth)}<extra></extra>",
        )
    figure.update_xaxes(type="date")
    figure.update_yaxes(
        zeroline=False,
        tickvals=list(range(len(falls))),
        ticktext=[percent(fall.depth) for fall in falls],
        autorange="reversed",
    )
    return Chart(
        question=QUESTION,
        note=f"{note} Circles: peak and recovery; diamond: deepest; triangle: not recovered by the end.",
        summary=f"The deepest fall is {percent(falls[0].depth)}.",
        figure=figure,
        table=Table(
            head=("depth", "peak, UTC", "deepest, UTC", "recovered, UTC", "days under water"),
            rows=[
                (
                    percent(fall.depth),
                    format_utc(fall.peak_ms),
                    format_utc(fall.trough_ms),
                    NOT_YET if fall.recovered_ms is None else format_utc(fall.recovered_ms),
                    f"{((fall.recovered_ms or end_ms) - fall.peak_ms) / DAY_MS:.1f}",
                )
                for fall in falls
            ],
        ),
    )
