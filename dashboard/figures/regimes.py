"""In which markets was it tested? Windows by what the market did, and what the model made of each kind. Pure."""

import numpy as np

from dashboard.chart import Chart, Table
from dashboard.figures.house_style import BLUE, GREY, VERMILION, new_figure
from dashboard.figures.one_window import window_days
from dashboard.figures.run_parts import curves_of, result_of
from dashboard.figures.sentence import sentence_chart
from dashboard.reading import Session
from job.arrays import FloatArray
from job.records import LONG
from job.report.numbers import count, percent

QUESTION = "In which markets was it tested?"
MIN_WINDOWS = 2
KINDS = ("falling, calm", "falling, wild", "rising, calm", "rising, wild")


def regimes_chart(session: Session) -> Chart:
    """A dot a window: the market's return against the model's; the table counts calm and wild, falling and rising."""
    curves, summary = curves_of(session), result_of(session).summary
    by_window = window_days(session)
    num = len(by_window.index)
    market_daily = curves.daily[LONG]
    present = np.bincount(by_window.of_day, minlength=num) > 0
    market, own = (_by_window(by_window.of_day, daily, num) for daily in (market_daily, by_window.daily))
    volatility = np.array(
        [market_daily[by_window.of_day == row].std() if present[row] else np.nan for row in range(num)]
    )
    note = (
        f"Net return of each window's test: the market held long against {summary.traded_model}, n = {num} windows; "
        "crosses: "
        "the wilder half, by the standard deviation of the market's days. Baselines: dotted, always flat and always "
        "long."
    )
    if present.sum() < MIN_WINDOWS:
        return sentence_chart(question=QUESTION, note=note, reason="fewer than two windows have tested days")
    is_wild = volatility > np.median(volatility[present])
    figure = new_figure(x_title=f"{LONG}, net return", y_title=summary.traded_model, height=380)
    ends = [float(np.nanmin(market)), float(np.nanmax(market))]
    figure.add_scatter(
        x=ends, y=ends, mode="lines", line={"color": GREY, "dash": "dot"}, showlegend=False, hoverinfo="skip"
    )
    figure.add_hline(y=0, line={"color": GREY, "dash": "dot", "width": 1.2})
    for name, chosen, symbol, colour in (("calm", ~is_wild, "circle", BLUE), ("wild", is_wild, "x", VERMILION)):
        rows = chosen & present
        figure.add_scatter(
            x=market[rows],
            y=own[rows],
            mode="markers",
            name=name,
            marker={"symbol": symbol, "size": 10, "color": colour},
            text=[f"window {index}" for index in by_window.index[rows]],
            hovertemplate="%{text}: market %{x:.1%}, model %{y:.1%}<extra></extra>",
        )
    figure.update_xaxes(tickformat=".0%")
    figure.update_yaxes(tickformat=".0%")
    figure.update_layout(hovermode="closest")
    kind = 2 * (market > 0) + is_wild
    counts = [int(((kind == each) & present).sum()) for each in range(len(KINDS))]
    told = ", ".join(f"{count(number)} {name}" for number, name in zip(counts, KINDS, strict=True))
    return Chart(
        question=QUESTION,
        note=note,
        summary=f"Windows tested: {told}.",
        figure=figure,
        table=Table(
            head=("market", "windows", "market, compounded", f"{summary.traded_model}, compounded"),
            rows=[
                (name, counts[each], *(_compounded(values[(kind == each) & present]) for values in (market, own)))
                for each, name in enumerate(KINDS)
            ],
        ),
    )


def _by_window(of_day: np.ndarray, daily: FloatArray, num: int) -> FloatArray:
    """Net return of each window from its days."""
    gain: FloatArray = np.expm1(np.bincount(of_day, weights=np.log1p(np.maximum(daily, -1 + 1e-12)), minlength=num))
    return gain


def _compounded(returns: FloatArray) -> str:
    return percent(float(np.prod(1 + returns) - 1)) if len(returns) else "undefined: no such window"
