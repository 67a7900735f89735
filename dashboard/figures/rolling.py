"""Did it hold, or was it one good stretch? The Sharpe ratio of the last thirty days, day by day. Pure."""

import numpy as np

from dashboard.chart import Chart, Table
from dashboard.figures.house_style import BAND, BLUE, GREY, TALL_LABELS, VERMILION, new_figure
from dashboard.figures.run_parts import as_x, curves_of, defined, result_of
from dashboard.figures.sentence import sentence_chart
from dashboard.reading import Session
from job.arrays import FloatArray
from job.evaluation.returns import sharpe_ratio
from job.intervals import DAY_MS, YEAR_DAYS, format_utc_day
from job.records import LONG
from job.report.sampling import STANDARD_ERRORS, sharpe_standard_error

QUESTION = "Did it hold, or was it one good stretch?"
ROLLING_DAYS = 30


def rolling_sharpe(daily: FloatArray, *, num_days: int = ROLLING_DAYS) -> FloatArray:
    """Annual Sharpe ratio of every ``num_days`` days in a row, float64 (n - num_days + 1,); NaN where undefined."""
    stretches = np.lib.stride_tricks.sliding_window_view(daily, num_days)
    ratios = (sharpe_ratio(stretch, bars_per_year=YEAR_DAYS).value for stretch in stretches)
    return np.array([np.nan if ratio is None else ratio for ratio in ratios])


def rolling_chart(session: Session) -> Chart:
    """The traded model and holding, and where thirty days without any skill fall in 95 of 100 cases."""
    curves, traded = curves_of(session), result_of(session).summary.traded_model
    num_days = len(curves.day_ms)
    reach = STANDARD_ERRORS * sharpe_standard_error(ROLLING_DAYS)
    note = (
        f"Annual Sharpe ratio of {ROLLING_DAYS} tested days in a row, n = {num_days} days. Grey: where {ROLLING_DAYS} "
        "days "
        f"without any skill fall in 95 of 100 cases, ±{reach:.1f}. Baselines: 0 and {LONG}."
    )
    if num_days < ROLLING_DAYS:
        return sentence_chart(question=QUESTION, note=note, reason=f"{num_days} days were tested")
    ends = curves.day_ms[ROLLING_DAYS - 1 :] + DAY_MS
    own, held = (rolling_sharpe(curves.daily[name]) for name in (traded, LONG))
    figure = new_figure(x_title="UTC, end of the stretch", y_title="Sharpe ratio, per year", margin=TALL_LABELS)
    figure.add_hrect(y0=-reach, y1=reach, fillcolor=BAND, line_width=0, layer="below")
    figure.add_hline(y=0, line={"color": GREY, "dash": "dot", "width": 1.2})
    for name, values, colour in ((LONG, held, VERMILION), (traded, own, BLUE)):
        figure.add_scatter(
            x=as_x(ends),
            y=values,
            mode="lines",
            name=name,
            line={"color": colour, "width": 1.8},
            hovertemplate="%{y:.2f}",
        )
    figure.update_xaxes(type="date")
    known = own[np.isfinite(own)]
    outside = int((known > reach).sum())
    return Chart(
        question=QUESTION,
        note=note,
        summary=f"{outside} of {len(known)} stretches lie above what luck alone shows.",
        figure=figure,
        table=Table(
            head=(f"{ROLLING_DAYS} days up to", traded, LONG),
            rows=[
                (format_utc_day(int(end) - 1), defined(a), defined(b))
                for end, a, b in zip(ends, own, held, strict=True)
            ],
        ),
    )
