"""Does a forecast of 60 % come true in 60 of 100 cases? And which side was called how often? Pure."""

import numpy as np

from dashboard.chart import Chart, Table
from dashboard.figures.house_style import BLUE, GREY, PALE, TALL_LABELS, VERMILION, WIDE_LABELS, new_figure
from dashboard.figures.run_parts import curves_of, result_of, written
from dashboard.figures.sentence import sentence_chart
from dashboard.reading import Session
from job.report.numbers import count, loss, share

QUESTION = "Does a forecast of 60 % come true in 60 of 100 cases?"
SIDES_QUESTION = "Which side was forecast, and which came?"
MIN_MARKER, MAX_MARKER = 7, 26


def calibration_chart(session: Session) -> Chart:
    """Bins of forecasts against what happened; the diagonal is a perfect forecast, the level line knows nothing."""
    calibration, summary = curves_of(session).calibration, result_of(session).summary
    measures = summary.models[summary.traded_model].measures
    num = int(calibration.count.sum())
    base = measures.get("base_rate")
    note = (
        f"Forecasts of {summary.traded_model} in bins of ten percent, n = {count(num)} labelled bars of the joined "
        "tests; "
        f"size: bars in the bin. Baselines: diagonal, a perfect forecast; level, the share of ups "
        f"({written(base, share)}). Log-loss {written(measures.get('log_loss'), loss)}, a coin 0.6931."
    )
    if not num:
        return sentence_chart(question=QUESTION, note=note, reason="no bar has a label and a forecast")
    figure = new_figure(x_title="forecast probability of up", y_title="share of ups that came", margin=WIDE_LABELS)
    figure.add_scatter(
        x=[0, 1], y=[0, 1], mode="lines", line={"color": GREY, "dash": "dot"}, name="perfect", hoverinfo="skip"
    )
    if base is not None and base.value is not None:
        figure.add_hline(y=base.value, line={"color": VERMILION, "dash": "dash", "width": 1.4})
    size = MIN_MARKER + (MAX_MARKER - MIN_MARKER) * np.sqrt(calibration.count / calibration.count.max())
    figure.add_scatter(
        x=calibration.forecast,
        y=calibration.observed,
        mode="markers+lines",
        marker={"size": size, "color": BLUE},
        line={"color": BLUE, "width": 1},
        customdata=calibration.count,
        name=summary.traded_model,
        hovertemplate="forecast %{x:.3f}, came %{y:.3f}, n %{customdata}<extra></extra>",
    )
    figure.update_xaxes(range=[-0.03, 1.03], tickformat=".0%", zeroline=False)
    figure.update_yaxes(range=[-0.05, 1.05], tickformat=".0%", zeroline=False)
    figure.update_layout(hovermode="closest")
    return Chart(
        question=QUESTION,
        note=note,
        summary=(
            f"{len(calibration.count)} bins of forecasts of {count(num)} bars, against the shares of ups that came."
        ),
        figure=figure,
        table=Table(
            head=("mean forecast", "share of ups", "bars"),
            rows=[
                (round(float(forecast), 4), round(float(observed), 4), int(number))
                for forecast, observed, number in zip(
                    calibration.forecast, calibration.observed, calibration.count, strict=True
                )
            ],
        ),
    )


def sides_chart(session: Session) -> Chart:
    """The confusion matrix: true side by forecast side, in bars and as a share of the true side."""
    confusion, summary = curves_of(session).calibration.confusion, result_of(session).summary
    num = int(confusion.sum())
    mcc = written(summary.models[summary.traded_model].measures.get("mcc"), loss)
    note = (
        f"Bars by the side that came and the side that {summary.traded_model} forecast, n = {count(num)}; shares are "
        "of the "
        f"side that came. Baseline: equal columns in both rows. MCC {mcc}, a coin 0."
    )
    if not num:
        return sentence_chart(question=SIDES_QUESTION, note=note, reason="no bar has a label and a forecast")
    of_row = confusion / np.maximum(confusion.sum(axis=1, keepdims=True), 1)
    text = [
        [f"{count(n)}<br>{share(part)}" for n, part in zip(*row, strict=True)]
        for row in zip(confusion, of_row, strict=True)
    ]
    figure = new_figure(x_title="forecast", y_title="came", height=280, margin=WIDE_LABELS | TALL_LABELS)
    figure.add_heatmap(
        z=of_row,
        x=["down", "up"],
        y=["down", "up"],
        text=text,
        texttemplate="%{text}",
        colorscale=PALE,
        zmin=0,
        zmax=1,
        xgap=2,
        ygap=2,
        hoverinfo="skip",
        showscale=False,  # every cell has its number
    )
    figure.update_yaxes(autorange="reversed")
    right = int(np.trace(confusion))
    return Chart(
        question=SIDES_QUESTION,
        note=note,
        summary=f"{count(right)} of {count(num)} bars were forecast on the side that came.",
        figure=figure,
        table=Table(
            head=("came", "forecast down", "forecast up"),
            rows=[(side, int(row[0]), int(row[1])) for side, row in zip(("down", "up"), confusion, strict=True)],
        ),
    )
