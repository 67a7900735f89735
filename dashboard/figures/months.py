"""In which months was it earned? Compounded daily returns by UTC month, printed into the map. Pure."""

from datetime import UTC, datetime

import numpy as np

from dashboard.chart import Chart, Table
from dashboard.figures.house_style import PALE_DIVERGING, TALL_LABELS, WIDE_LABELS, new_figure
from dashboard.figures.run_parts import curves_of, result_of
from dashboard.reading import Session
from job.arrays import FloatArray, IntArray
from job.records import LONG
from job.report.numbers import percent

QUESTION = "In which months was it earned?"
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
ROW_HEIGHT = 46


def months_chart(session: Session) -> Chart:
    """A cell a month: its net return and how many of its days were tested; white is zero."""
    curves, traded = curves_of(session), result_of(session).summary.traded_model
    months = _month_of(curves.day_ms)
    own, held = (_by_month(months, curves.daily[name]) for name in (traded, LONG))
    num_days = {month: int((months == month).sum()) for month in own}
    years = sorted({month // 12 for month in own})
    in_year = [month % 12 for month in own]
    shown = range(min(in_year), max(in_year) + 1) if len(years) == 1 else range(12)
    value, text = _cells(own, num_days, years)
    reach = max((abs(gain) for gain in own.values()), default=0.0) or 0.01
    figure = new_figure(
        x_title="month, UTC", y_title="year", height=120 + ROW_HEIGHT * len(years), margin=WIDE_LABELS | TALL_LABELS
    )
    figure.add_heatmap(
        z=value[:, shown.start : shown.stop],
        x=[MONTHS[month] for month in shown],
        y=[str(year) for year in years],
        text=[row[shown.start : shown.stop] for row in text],
        texttemplate="%{text}",
        colorscale=PALE_DIVERGING,
        zmid=0,
        zmin=-reach,
        zmax=reach,
        xgap=2,
        ygap=2,
        hoverinfo="skip",
        showscale=False,  # every cell has its number
    )
    figure.update_xaxes(type="category")
    figure.update_yaxes(type="category", autorange="reversed")
    gains = sum(gain > 0 for gain in own.values())
    return Chart(
        question=QUESTION,
        note=f"Net return of {traded} by calendar month, and the days of it that were tested; n = {len(own)} "
        f"month{'' if len(own) == 1 else 's'}, first and last may be parts. Baseline: {LONG}, in the table.",
        summary=f"{gains} of {len(own)} months gained.",
        figure=figure,
        table=Table(
            head=("month", "days tested", traded, LONG),
            rows=[
                (f"{month // 12}-{month % 12 + 1:02d}", num_days[month], percent(own[month]), percent(held[month]))
                for month in own
            ],
        ),
    )


def _month_of(day_ms: IntArray) -> IntArray:
    """Number of the month of each day, counted from the year 0."""
    days = [datetime.fromtimestamp(day / 1000, tz=UTC) for day in day_ms.tolist()]
    return np.array([12 * day.year + day.month - 1 for day in days], dtype=np.int64)


def _by_month(months: IntArray, daily: FloatArray) -> dict[int, float]:
    return {int(month): float(np.prod(1 + daily[months == month]) - 1) for month in np.unique(months)}


def _cells(own: dict[int, float], num_days: dict[int, int], years: list[int]) -> tuple[FloatArray, list[list[str]]]:
    value = np.full((len(years), 12), np.nan)
    text = [[""] * 12 for _ in years]
    for month, gain in own.items():
        row = years.index(month // 12)
        value[row, month % 12] = gain
        text[row][month % 12] = f"{percent(gain)}<br>{num_days[month]} d"
    return value, text
