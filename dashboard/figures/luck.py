"""What luck, other circumstances and empty worlds make of the same procedure. Pure."""

import numpy as np

from dashboard.chart import Chart, Table
from dashboard.figures.house_style import BAND, BLUE, GREEN, GREY, VERMILION, new_figure, ticks_of_windows
from dashboard.figures.run_parts import column, curves_of, result_of, written
from dashboard.figures.sentence import sentence_chart
from dashboard.reading import Session
from job.evaluation.drift import MIN_TO_JUDGE, is_unusual
from job.evaluation.reasons import reason_words
from job.report.numbers import count, loss, percent, probability, ratio, share
from job.report.tables import chance_of_loss, drift_sentence, null_worlds_sentence

FAN_QUESTION = "How wide does luck spread these days?"
STRESS_QUESTION = "Does it hold where trading is dearer, later, or in part never filled?"
NULL_QUESTION = "What does the whole procedure find where there is nothing to find?"
DRIFT_QUESTION = "Did the market drift away from what was learned?"


def fan_chart(session: Session) -> Chart:
    """Quantiles of redrawn accounts along the days, and the account as it was."""
    summary = result_of(session).summary
    monte_carlo = summary.monte_carlo
    daily = curves_of(session).daily[summary.traded_model]
    note = (
        f"{count(monte_carlo.num_draws)} histories redrawn in blocks of days, n = {count(summary.num_days)} days; "
        f"{chance_of_loss(monte_carlo)}. Baseline: 1, always flat."
    )
    fan = monte_carlo.fan
    if fan is None:
        reason = reason_words(monte_carlo.probability_of_loss.reason)
        return sentence_chart(question=FAN_QUESTION, note=note, reason=reason)
    levels, equity = np.array(fan.quantiles), np.array(fan.equity)
    order = np.argsort(levels)
    levels, equity = levels[order], equity[order]
    day = np.arange(equity.shape[1], dtype=np.float64)
    figure = new_figure(x_title="days of test", y_title="account, start = 1")
    half = len(levels) // 2
    edge = {"type": "scatter", "x": day, "mode": "lines", "line": {"width": 0}, "hoverinfo": "skip"}
    traces: list[dict[str, object]] = []
    for low in range(half):
        high = len(levels) - 1 - low
        name = f"{share(float(levels[high] - levels[low]))} of the histories"
        traces += [
            edge | {"y": equity[low].astype(np.float32), "showlegend": False},
            edge | {"y": equity[high].astype(np.float32), "fill": "tonexty", "fillcolor": BAND, "name": name},
        ]
    was = np.append(1.0, np.cumprod(1 + daily))
    lines = (("median", equity[half], GREY, "dash"), ("as it was", was, BLUE, "solid"))
    traces += [
        {
            "type": "scatter",
            "x": day[: len(values)],
            "y": values.astype(np.float32),
            "mode": "lines",
            "name": name,
            "line": {"color": colour, "dash": dash},
            "hovertemplate": "%{y:.3f}",
        }
        for name, values, colour, dash in lines
    ]
    figure.add_traces(traces)
    figure.add_hline(y=1, line={"color": GREY, "dash": "dot", "width": 1.2})
    return Chart(
        question=FAN_QUESTION,
        note=note,
        summary=(
            f"The middle of the redrawn accounts ends at {equity[half][-1]:.3f}, the account as it was at "
            f"{was[-1]:.3f}."
        ),
        figure=figure,
        table=Table(
            head=("day", *(f"{share(float(level))} quantile" for level in levels), "as it was"),
            rows=[
                (int(each), *(float(row[at]) for row in equity), float(was[at]) if at < len(was) else None)
                for at, each in enumerate(day)
            ],
        ),
    )


def stress_chart(session: Session) -> Chart:
    """A dot a circumstance at its Sharpe ratio."""
    summary = result_of(session).summary
    names = [each.name for each in summary.stress]
    sharpe = column([each.sharpe_ratio for each in summary.stress])
    note = (
        f"The same decisions of {summary.traded_model} under other circumstances, n = {count(summary.num_days)} days. "
        "They say "
        "how much hangs on the assumptions, and nothing of whether it was found by searching. Baseline: 0."
    )
    if not np.isfinite(sharpe).any():
        return sentence_chart(question=STRESS_QUESTION, note=note, reason="no Sharpe ratio under any circumstance")
    figure = new_figure(x_title="annual Sharpe", y_title="", height=120 + 30 * len(names))
    figure.add_vline(x=0, line={"color": GREY, "dash": "dot", "width": 1.2})
    is_gain = sharpe > 0
    figure.add_scatter(
        x=sharpe,
        y=names,
        mode="markers+text",
        text=[written(each.total_return, percent) for each in summary.stress],
        textposition="top center",
        cliponaxis=False,
        marker={
            "size": 11,
            "color": np.where(is_gain, BLUE, VERMILION).tolist(),
            "symbol": np.where(is_gain, "circle", "x").tolist(),
        },
        showlegend=False,
        hovertemplate="%{y}: %{x:.2f}<extra></extra>",
    )
    least, most = min(0.0, float(np.nanmin(sharpe))), max(0.0, float(np.nanmax(sharpe)))
    margin = 0.25 * (most - least)  # room for what is written above the outermost dots, on a narrow screen too
    figure.update_xaxes(range=[least - margin * (least < 0), most + margin * (most > 0)])
    figure.update_yaxes(autorange="reversed", type="category")
    figure.update_layout(hovermode="closest")
    return Chart(
        question=STRESS_QUESTION,
        note=f"{note} Written: net return.",
        summary=f"{int(is_gain.sum())} of {len(names)} circumstances have a Sharpe ratio above 0.",
        figure=figure,
        table=Table(
            head=("circumstance", "net return", "Sharpe ratio"),
            rows=[
                (each.name, written(each.total_return, percent), written(each.sharpe_ratio, ratio))
                for each in summary.stress
            ],
        ),
    )


def null_worlds_chart(session: Session) -> Chart:
    """A dot a world in which nothing can be forecast, and the real one."""
    summary = result_of(session).summary
    worlds, real = summary.null_worlds, summary.models[summary.traded_model].measures["sharpe_ratio"]
    if worlds is None:
        return sentence_chart(question=NULL_QUESTION, note=null_worlds_sentence(summary), reason="not run")
    found = np.array([value or 0.0 for value in worlds.sharpe_ratios])
    figure = new_figure(x_title="Sharpe ratio, per year", y_title="", height=200)
    figure.add_box(
        x=found,
        boxpoints="all",
        jitter=0.6,
        pointpos=0,
        line={"color": GREY},
        fillcolor=BAND,
        marker={"color": GREY, "size": 8},
        name="null worlds",
        hovertemplate="%{x:.2f}<extra></extra>",
        showlegend=False,
    )
    if real.value is not None:
        figure.add_vline(x=real.value, line={"color": BLUE, "width": 2}, annotation={"text": "the real one"})
    figure.add_vline(x=0, line={"color": GREY, "dash": "dot", "width": 1.2})
    figure.update_yaxes(visible=False)
    figure.update_layout(hovermode="closest")
    return Chart(
        question=NULL_QUESTION,
        note=f"{null_worlds_sentence(summary)} n = {count(worlds.num_worlds)} worlds. Baseline: 0.",
        summary=f"p = {written(worlds.p_value, probability)} against {count(worlds.num_worlds)} empty worlds.",
        figure=figure,
        table=Table(
            head=("world", "Sharpe ratio"),
            rows=[*enumerate(worlds.sharpe_ratios), ("the real one", real.value)],
        ),
    )


def drift_chart(session: Session) -> Chart:
    """How well a classifier tells a window's newest training days from those before, and its test from both."""
    summary = result_of(session).summary
    drift = summary.drift
    note = (
        f"{drift_sentence(summary)} Any two stretches of days differ; unusual is what lies above 95 % of the windows "
        "up to it, "
        f"which takes {MIN_TO_JUDGE} before it. Baseline: 0.5, cannot be told apart."
    )
    if drift is None:
        return sentence_chart(question=DRIFT_QUESTION, note=note, reason="these windows did not measure their drift")
    index, auc, after = np.array(drift.window), column(list(drift.auc)), column(list(drift.after_the_fact_auc))
    unusual = np.array([is_unusual(each.value) for each in drift.percentile])
    figure = new_figure(x_title="window", y_title="AUC", height=300)
    figure.add_hline(y=0.5, line={"color": GREY, "dash": "dot", "width": 1.2})
    marks = (
        ("test days, after the fact", index, after, "diamond-open", GREEN, "markers"),
        ("newest training days, before the test", index, auc, "circle", BLUE, "lines+markers"),
        ("unusual", index[unusual], auc[unusual], "triangle-up", VERMILION, "markers"),
    )
    for name, x, y, symbol, colour, mode in marks:
        if len(x):
            figure.add_scatter(
                x=x,
                y=y,
                mode=mode,
                name=name,
                marker={"symbol": symbol, "color": colour, "size": 9},
                line={"color": colour},
            )
    figure.update_xaxes(zeroline=False, **ticks_of_windows(len(index)))
    return Chart(
        question=DRIFT_QUESTION,
        note=f"AUC of telling one stretch of days from the next, n = {len(index)} windows. {note}",
        summary=drift_sentence(summary),
        figure=figure,
        table=Table(
            head=("window", "AUC", "above so many up to it", "drifting features", "AUC of the test days"),
            rows=[
                (window, written(own, loss), written(percentile, share), ", ".join(features), written(test, loss))
                for window, own, percentile, features, test in zip(
                    drift.window,
                    drift.auc,
                    drift.percentile,
                    drift.drifting_features,
                    drift.after_the_fact_auc,
                    strict=True,
                )
            ],
        ),
    )
