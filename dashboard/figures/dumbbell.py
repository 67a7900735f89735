"""Is it one lucky window, and does validation foretell the test? Both, window by window. Pure."""

import numpy as np

from dashboard.chart import Chart, Control, Table
from dashboard.figures.house_style import BAND, BLUE, GREEN, GREY, new_figure, ticks_of_windows
from dashboard.figures.run_parts import column, defined, result_of, windows_of, written
from dashboard.reading import Session
from job.report.metric_words import words_of
from job.report.numbers import count, ratio
from job.report.sampling import STANDARD_ERRORS, sharpe_standard_error

QUESTION = "Is it one lucky window, and does validation foretell the test?"
METRIC = Control(
    key="metric",
    label="Measure",
    choices=(("sharpe_ratio", "Sharpe ratio"), ("total_return", "net return"), ("log_loss", "log-loss")),
)
BASELINES = {"sharpe_ratio": 0.0, "total_return": 0.0, "log_loss": float(np.log(2))}


def dumbbell_chart(session: Session, *, metric: str = "sharpe_ratio") -> Chart:
    """Two shapes a window, tied by a line: what was chosen on, and what came of it."""
    metric = metric if metric in BASELINES else "sharpe_ratio"
    windows, summary = windows_of(session), result_of(session).summary
    words, days = words_of(metric), session.plan.value.procedure.windows.test_size
    index = np.array([window.span.index for window in windows])
    models = [window.models[window.traded_model] for window in windows]
    chosen, tested = column([m.validation[metric] for m in models]), column([m.test[metric] for m in models])
    figure = new_figure(
        x_title="window", y_title=words.label + (", per year, from bars" if metric == "sharpe_ratio" else "")
    )
    note = (
        f"{words.label} of {summary.traded_model}, n = {count(len(windows))} windows; thresholds are chosen on "
        "validation."
    )
    if metric == "sharpe_ratio":
        reach = STANDARD_ERRORS * sharpe_standard_error(days)
        figure.add_hrect(y0=-reach, y1=reach, fillcolor=BAND, line_width=0, layer="below")
        note += (
            f" Grey: where {days} days without any skill fall in 95 of 100 cases, ±{ratio(reach)}; so few days hold "
            "too few blocks for an interval of their own. Median of validation: "
            f"{written(summary.median_validation_sharpe, ratio)}; of the tests: "
            f"{written(summary.median_test_sharpe, ratio)}."
        )
    figure.add_hline(y=BASELINES[metric], line={"color": GREY, "dash": "dot", "width": 1.2})
    ties_x, ties_y = _ties(index, chosen, tested)
    figure.add_scatter(
        x=ties_x, y=ties_y, mode="lines", line={"color": GREY, "width": 1}, showlegend=False, hoverinfo="skip"
    )
    for name, values, symbol, colour in (
        ("validation", chosen, "circle-open", GREEN),
        ("test", tested, "diamond", BLUE),
    ):
        figure.add_scatter(
            x=index,
            y=values,
            mode="markers",
            name=name,
            marker={"symbol": symbol, "size": 9, "color": colour, "line": {"width": 2, "color": colour}},
        )
    figure.update_xaxes(zeroline=False, **ticks_of_windows(len(windows)))
    is_undefined = np.isnan(chosen) | np.isnan(tested)
    if is_undefined.any():
        note += f" {count(is_undefined.sum())} windows have no value in validation or test: see the table."
    baseline = "a coin, 0.6931" if metric == "log_loss" else "0"
    fell = int((tested < chosen).sum())
    return Chart(
        question=QUESTION,
        note=f"{note} Baseline: {baseline}.",
        summary=f"The test is below validation in {fell} of {count((~is_undefined).sum())} windows.",
        figure=figure,
        table=Table(
            head=("window", "validation", "test", "why undefined"),
            rows=[
                (
                    int(i),
                    defined(a),
                    defined(b),
                    "; ".join(
                        f"{span} {written(measures[metric], words.form)}"
                        for span, measures in (("validation", model.validation), ("test", model.test))
                        if measures[metric].value is None
                    ),
                )
                for i, a, b, model in zip(index, chosen, tested, models, strict=True)
            ],
        ),
    )


def _ties(index: np.ndarray, low: np.ndarray, high: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """One broken line through all pairs."""
    gap = np.full(len(index), np.nan)
    return np.column_stack([index, index, gap]).ravel(), np.column_stack([low, high, gap]).ravel()
