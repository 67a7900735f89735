"""What became of a model since it was promoted: its account beside what was expected, and its forecasts. Pure."""

import numpy as np

from dashboard.chart import Chart, Table
from dashboard.figures.house_style import BAND, BLUE, GREY, new_figure
from dashboard.figures.run_parts import as_x
from dashboard.figures.sampling import rows_to_draw
from dashboard.figures.sentence import sentence_chart
from dashboard.repository import Repository
from job.artifacts.keys import ModelKeys
from job.errors import NoDataError
from job.evaluation.reasons import reason_words
from job.intervals import DAY_MS, format_utc_day
from job.records import SinceReleaseRecord
from job.report.numbers import count, percent

ACCOUNT_QUESTION = "Does it do what its tests led to expect?"
CALIBRATION_QUESTION = "Does a forecast of 60 % still come true in 60 of 100 cases?"
MIN_MARKER, MAX_MARKER = 7, 26
MAX_DAYS_DRAWN = 1_000  # four lines of so many days are still a small figure


def release_account(repository: Repository, *, venue: str, symbol: str, interval: str) -> Chart:
    """The account of a market's model in use."""
    return account_chart(_record(repository, venue, symbol, interval))


def release_calibration(repository: Repository, *, venue: str, symbol: str, interval: str) -> Chart:
    """The forecasts of a market's model in use."""
    return calibration_chart(_record(repository, venue, symbol, interval))


def account_chart(record: SinceReleaseRecord) -> Chart:
    """A mark a day; grey is where 95 of 100 histories redrawn from the tests stay, every day."""
    num_days = len(record.day_ms)
    note = (
        f"Net account by UTC day, 1 at the release, n = {count(num_days)} days. Baselines: grey, 95 % of whole "
        "histories redrawn from the tests of its run stay within it on every day; dashed, their median; dotted, flat."
    )
    if not num_days:
        return sentence_chart(question=ACCOUNT_QUESTION, note=note, reason="no bar that was forecast has closed")
    day_ms, equity, band = np.array(record.day_ms), np.array(record.equity), record.band
    drawn = rows_to_draw(day_ms, equity, max_points=MAX_DAYS_DRAWN)
    ends = as_x(day_ms + DAY_MS)[drawn]
    figure = new_figure(x_title="UTC", y_title="account, 1 at the release", xaxis={"type": "date", "title": {}})
    if band is not None:
        low, median, high = (np.array(each, dtype=np.float32)[drawn] for each in (band.low, band.median, band.high))
        edge = {"type": "scatter", "x": ends, "mode": "lines", "line": {"width": 0}, "hoverinfo": "skip"}
        figure.add_traces(
            [
                edge | {"y": low, "showlegend": False},
                edge | {"y": high, "fill": "tonexty", "fillcolor": BAND, "name": "expected, 95 %"},
                edge | {"y": median, "line": {"color": GREY, "dash": "dash", "width": 1.4}, "name": "expected median"},
            ]
        )
    figure.add_scatter(
        x=ends,
        y=equity[drawn].astype(np.float32),
        mode="lines+markers" if num_days < 60 else "lines",
        line={"color": BLUE, "width": 1.8},
        name="since the release",
        hovertemplate="%{y:.4f}",
    )
    figure.add_hline(y=1, line={"color": GREY, "dash": "dot"})
    reason = "" if band is not None else f" What was expected is undefined: {reason_words(record.band_reason)}."
    bounds = [(None, None, None)] * num_days if band is None else zip(band.low, band.median, band.high, strict=True)
    return Chart(
        question=ACCOUNT_QUESTION,
        note=note + reason,
        summary=f"{record.sentence} Last account: {percent(record.equity[-1] - 1)} since the release.",
        figure=figure,
        table=Table(
            head=("UTC day", "account", "expected low", "expected median", "expected high"),
            rows=[
                (format_utc_day(day), own, *expected)
                for day, own, expected in zip(record.day_ms, record.equity, bounds, strict=True)
            ],
        ),
    )


def calibration_chart(record: SinceReleaseRecord) -> Chart:
    """Bins of the forecasts since the release against what happened; the diagonal is a perfect forecast."""
    bins = record.calibration
    num = sum(bins.count)
    note = (
        f"Forecasts since the release in bins of ten percent, n = {count(num)} whose outcome is settled; size: "
        "forecasts in the bin. Baseline: the diagonal, a perfect forecast."
    )
    if not num:
        return sentence_chart(question=CALIBRATION_QUESTION, note=note, reason="no forecast has a settled outcome")
    figure = new_figure(
        x_title="forecast probability of up",
        y_title="share of ups that came",
        hovermode="closest",
    )
    figure.add_scatter(
        x=[0, 1], y=[0, 1], mode="lines", line={"color": GREY, "dash": "dot"}, name="perfect", hoverinfo="skip"
    )
    counts = np.array(bins.count)
    figure.add_scatter(
        x=list(bins.forecast),
        y=list(bins.observed),
        mode="markers+lines",
        marker={"size": MIN_MARKER + (MAX_MARKER - MIN_MARKER) * np.sqrt(counts / counts.max()), "color": BLUE},
        line={"color": BLUE, "width": 1},
        customdata=counts,
        name="since the release",
        hovertemplate="forecast %{x:.3f}, came %{y:.3f}, n %{customdata}<extra></extra>",
    )
    figure.update_xaxes(range=[-0.03, 1.03], tickformat=".0%", zeroline=False)
    figure.update_yaxes(range=[-0.05, 1.05], tickformat=".0%", zeroline=False)
    return Chart(
        question=CALIBRATION_QUESTION,
        note=note,
        summary=f"{len(bins.count)} bins of {count(num)} forecasts, against the shares of ups that came.",
        figure=figure,
        table=Table(
            head=("mean forecast", "share of ups", "forecasts"),
            rows=[
                (round(forecast, 4), round(observed, 4), number)
                for forecast, observed, number in zip(bins.forecast, bins.observed, bins.count, strict=True)
            ],
        ),
    )


def _record(repository: Repository, venue: str, symbol: str, interval: str) -> SinceReleaseRecord:
    reading = repository.since_release(ModelKeys(venue=venue, symbol=symbol, interval=interval))
    if reading is None:
        raise NoDataError(f"Nothing is recorded of a model for {symbol} {interval} of {venue}.")
    return reading.value
