"""How much of it could be the luck of so many tries? The observed Sharpe ratio, less what the best of N shows. Pure."""

import numpy as np

from dashboard.chart import Chart, Table
from dashboard.figures.house_style import BLUE, GREEN, GREY, VERMILION, new_figure
from dashboard.figures.run_parts import curves_of, result_of, written
from dashboard.figures.sentence import sentence_chart
from dashboard.reading import Session
from job.evaluation.sharpe import SharpeMoments, probability_above, sharpe_moments
from job.evaluation.verdict import MIN_DSR
from job.records import SummaryRecord
from job.report.numbers import count, probability, ratio, shown_interval, signed_ratio

QUESTION = "How much of it could be the luck of so many tries?"
RECORD_QUESTION = "Were enough days tested?"
NUM_STEPS = 60


def deflation_chart(session: Session) -> Chart:
    """Three bars: what was observed, what the best of N lucky trials would show, and what is left."""
    summary = result_of(session).summary
    model = summary.models[summary.traded_model]
    observed, luck = model.measures["sharpe_ratio"], summary.luck_sharpe
    note = trials_note(summary)
    if observed.value is None or luck.value is None:
        absent = observed if observed.value is None else luck
        return sentence_chart(question=QUESTION, note=note, reason=written(absent, ratio).partition(": ")[2])
    left = observed.value - luck.value
    bars = (
        ("observed", 0.0, observed.value, BLUE, ""),
        (
            f"best by luck of<br>{_worth(summary.effective_trials.value or 1)}",
            observed.value,
            -luck.value,
            VERMILION,
            "/",
        ),
        ("left", 0.0, left, GREEN if left > 0 else VERMILION, "" if left > 0 else "x"),
    )
    figure = new_figure(x_title="", y_title="Sharpe ratio, per year", height=320)
    for name, base, height, colour, pattern in bars:
        figure.add_bar(
            x=[f"{name}<br>{signed_ratio(height)}"],
            y=[height],
            base=[base],
            marker={"color": colour, "pattern": {"shape": pattern}},
            showlegend=False,
            hoverinfo="skip",
        )
    interval = model.sharpe_interval
    if interval.low is not None and interval.high is not None:
        figure.add_scatter(
            x=[f"observed<br>{signed_ratio(observed.value)}"],
            y=[observed.value],
            mode="markers",
            marker={"color": GREY, "size": 1},
            error_y={
                "array": [interval.high - observed.value],
                "arrayminus": [observed.value - interval.low],
                "color": GREY,
                "thickness": 2,
                "width": 8,
            },
            showlegend=False,
            hoverinfo="skip",
        )
    figure.update_xaxes(tickangle=0)
    figure.update_layout(hovermode=False)
    dsr = written(summary.dsr, probability)
    return Chart(
        question=QUESTION,
        note=note,
        summary=(
            f"Observed {ratio(observed.value)}, less {ratio(luck.value)} that luck would show, leaves "
            f"{signed_ratio(left)}; DSR {dsr}."
        ),
        figure=figure,
        table=Table(
            head=("step", "value"),
            rows=[
                ("observed Sharpe ratio", ratio(observed.value)),
                ("its 95 % interval", shown_interval(interval, ratio)),
                ("expected best of the trials without skill", ratio(luck.value)),
                ("left", signed_ratio(left)),
                ("PSR(0): chance that the true ratio is above 0", written(summary.psr, probability)),
                ("DSR: chance that it is above the expected best", dsr),
                ("DSR, were all trials independent", written(summary.dsr_of_all_trials, probability)),
            ],
        ),
    )


def trials_note(summary: SummaryRecord) -> str:
    """N, where it was counted, what it is worth, and what comes of it."""
    return (
        f"Trials: N = {count(summary.num_trials)}, failed ones included, counted in {summary.trials_counted_in}; "
        f"{count(summary.num_trials_of_symbol)} on {summary.symbol}; worth {written(summary.effective_trials, _worth)}."
        f" DSR {written(summary.dsr, probability)}, {MIN_DSR} is asked for. Grey: the 95 % interval, "
        f"n = {count(summary.num_days)} days. Baseline: 0."
    )


def record_chart(session: Session) -> Chart:
    """How the chance that the true ratio is above 0 would grow with the days, were they like those that were seen."""
    summary = result_of(session).summary
    needed = summary.min_track_record_days
    moments = sharpe_moments(curves_of(session).daily[summary.traded_model])
    note = (
        f"PSR(0) of a Sharpe ratio with these tails, by the number of days. Tested: n = {count(summary.num_days)}, PSR "
        f"{written(summary.psr, probability)}. Minimum track record for {MIN_DSR}: {written(needed, _days)}, had "
        "this been "
        f"the only trial. Baseline: 0.5, a coin."
    )
    if isinstance(moments, str):
        return sentence_chart(
            question=RECORD_QUESTION, note=note, reason=written(summary.psr, probability).partition(": ")[2]
        )
    last = max(float(summary.num_days), needed.value or 0.0) * 1.5
    days = np.unique(np.linspace(2, last, NUM_STEPS).astype(np.int64))
    chance = np.array([_chance(moments, int(each)) for each in days])
    figure = new_figure(x_title="days of test", y_title="PSR(0)", height=300)
    figure.add_scatter(x=days, y=chance, mode="lines", line={"color": BLUE}, name="PSR(0)", hovertemplate="%{y:.3f}")
    for level, dash in ((0.5, "dot"), (MIN_DSR, "dash")):
        figure.add_hline(y=level, line={"color": GREY, "dash": dash, "width": 1.2})
    figure.add_vline(
        x=summary.num_days,
        line={"color": GREY, "width": 1.6},
        annotation={"text": "tested", "y": 0.05, "yanchor": "bottom"},
    )
    if needed.value is not None:
        figure.add_vline(
            x=needed.value,
            line={"color": VERMILION, "dash": "dash"},
            annotation={"text": "needed", "y": 0.2, "yanchor": "bottom"},
        )
    figure.update_yaxes(range=[-0.02, 1.04])
    return Chart(
        question=RECORD_QUESTION,
        note=note,
        summary=f"{count(summary.num_days)} days were tested; needed for 95 %: {written(needed, _days)}.",
        figure=figure,
        table=Table(
            head=("days", "PSR(0)"),
            rows=[(int(each), float(value)) for each, value in zip(days, chance, strict=True)],
        ),
    )


def _worth(trials: float) -> str:
    return f"{trials:.3g} independent trial{'' if round(trials, 2) == 1 else 's'}"


def _days(number: float) -> str:
    return f"{count(number)} days"


def _chance(moments: SharpeMoments, num_days: int) -> float:
    return probability_above(
        SharpeMoments(num_days=num_days, sharpe=moments.sharpe, skewness=moments.skewness, kurtosis=moments.kurtosis),
        benchmark=0.0,
    )
