"""Runs beside each other: paired differences, accounts from one start, and Sharpe ratios with their intervals."""

import numpy as np

from dashboard.chart import Cell, Chart, Control, Table
from dashboard.figures.house_style import COLOURS, GREY, new_figure, ticks_of_windows
from dashboard.figures.sampling import as_dates, parse_span, rows_to_draw
from dashboard.figures.sentence import sentence_chart
from dashboard.reading import Session
from dashboard.repository import Repository
from dashboard.run_comparison import (
    ComparedRuns,
    PairedDays,
    pair_days,
    read_compared,
    result_and_curves,
    traded_daily,
)
from job.arrays import IntArray
from job.intervals import DAY_MS, format_utc_day
from job.report.numbers import daily_percent, percent, ratio, shown, shown_estimate, shown_interval, signed_ratio

BY_WINDOW = "Is it better, window by window?"
FROM_ONE_START = "Where would each account have gone from the same start?"
RATIOS = "How sure is each Sharpe ratio?"
SCALE = Control(key="scale", label="Scale", choices=(("linear", "linear"), ("log", "log")))
SYMBOLS = ("circle", "diamond", "square", "x", "cross", "triangle-up", "star", "hexagon")


def window_differences(repository: Repository, *, runs: str) -> Chart:
    """Net return of each window less that of the first run's."""
    return window_differences_chart(read_compared(repository, runs))


def compared_equity(repository: Repository, *, runs: str, scale: str = "linear", span: str = "") -> Chart:
    """The traded models' accounts on the days that all share."""
    return compared_equity_chart(read_compared(repository, runs), scale=scale, span=span)


def compared_sharpes(repository: Repository, *, runs: str) -> Chart:
    """Sharpe ratios with intervals, side by side."""
    return compared_sharpes_chart(read_compared(repository, runs))


def window_differences_chart(compared: ComparedRuns) -> Chart:
    """A point a window and run; above zero that run did better than the first."""
    first = compared.first.run_id
    if not compared.paired:
        return sentence_chart(question=BY_WINDOW, note="n = 0 pairs", reason=f"no run can be paired with {first}")
    figure = new_figure(x_title="window", y_title=f"net return less {first}'s")
    figure.update_yaxes(tickformat="+.1%")
    figure.add_hline(y=0, line_color=GREY, line_dash="dot")
    rows: list[tuple[Cell, ...]] = []
    told = []
    own = _returns(compared.first)
    for number, session in enumerate(compared.paired, start=1):
        other = _returns(session)
        lead = {index: other[index] - own[index] for index in sorted(own.keys() & other.keys())}
        figure.add_scatter(
            x=list(lead),
            y=list(lead.values()),
            mode="markers",
            name=session.run_id,
            marker={"size": 9, "symbol": SYMBOLS[number % 8], "color": COLOURS[number % len(COLOURS)]},
        )
        rows += [(session.run_id, index, own[index], other[index], value) for index, value in lead.items()]
        told.append(_lead_words(session.run_id, list(lead.values()), pair_days(compared.first, session)))
    figure.update_xaxes(zeroline=False, **ticks_of_windows(len(own)))
    note = f"{' '.join(told)} Baseline: 0, as good as {first}."
    return Chart(
        question=BY_WINDOW,
        note=note,
        summary=note,
        figure=figure,
        table=Table(head=("run", "window", first, "its net return", "difference"), rows=rows),
    )


def compared_equity_chart(compared: ComparedRuns, *, scale: str = "linear", span: str = "") -> Chart:
    """Daily accounts rebased to one on the first common day."""
    sessions = (compared.first, *compared.paired)
    if len(sessions) < 2:
        return sentence_chart(
            question=FROM_ONE_START, note="n = 0 days", reason=f"no run can be paired with {compared.first.run_id}"
        )
    days = _common_days([traded_daily(session)[0] for session in sessions])
    if not len(days):
        return sentence_chart(question=FROM_ONE_START, note="n = 0 days", reason="the runs share no day")
    figure = new_figure(x_title="UTC", y_title="account, first day = 1")
    figure.update_yaxes(type="log" if scale == "log" else "linear")
    figure.add_hline(y=1, line_color=GREY, line_dash="dot")
    ends_ms, paths = days + DAY_MS, []
    for number, session in enumerate(sessions):
        day, daily = traded_daily(session)
        path = np.asarray(np.cumprod(1 + daily[np.searchsorted(day, days)]), dtype=np.float64)
        paths.append(path)
        rows = rows_to_draw(ends_ms, path, span_ms=parse_span(span))
        figure.add_scatter(
            x=as_dates(ends_ms[rows]),
            y=path[rows],
            mode="lines",
            name=session.run_id,
            line={"color": COLOURS[number % len(COLOURS)], "dash": ("solid", "dash", "dot", "dashdot")[number % 4]},
        )
    ends = ", ".join(f"{s.run_id} {percent(path[-1] - 1)}" for s, path in zip(sessions, paths, strict=True))
    return Chart(
        question=FROM_ONE_START,
        note=f"Net of costs, at the end of each of n = {len(days)} days that all share. Baseline: 1, doing nothing.",
        summary=f"After {len(days)} days: {ends}.",
        figure=figure,
        table=Table(
            head=("day", *(session.run_id for session in sessions)),
            rows=[(format_utc_day(int(day)), *(float(path[row]) for path in paths)) for row, day in enumerate(days)],
        ),
    )


def compared_sharpes_chart(compared: ComparedRuns) -> Chart:
    """A bar for each interval; runs that cannot be paired stand here too, since each number is its own run's."""
    figure = new_figure(x_title="annual Sharpe, 95 % interval", y_title="", height=150 + 34 * len(compared.sessions))
    figure.update_layout(hovermode="closest", showlegend=False)
    figure.add_vline(x=0, line_color=GREY, line_dash="dot")
    rows: list[tuple[Cell, ...]] = []
    told: list[str] = []
    for number, session in enumerate(compared.sessions):
        summary = result_and_curves(session)[0].summary
        traded = summary.models[summary.traded_model]
        value, interval = traded.measures["sharpe_ratio"], traded.sharpe_interval
        told.append(f"{session.run_id}: {shown(value, ratio)}, {shown_interval(interval)}")
        rows.append((session.run_id, value.value, interval.low, interval.high, summary.num_days))
        if value.value is None:
            figure.add_annotation(x=0, y=session.run_id, text=shown(value, signed_ratio), showarrow=False, yshift=12)
            figure.add_scatter(x=[None], y=[session.run_id])
            continue
        reach = None
        if interval.low is not None and interval.high is not None:
            reach = {
                "type": "data",
                "symmetric": False,
                "array": [interval.high - value.value],
                "arrayminus": [value.value - interval.low],
            }
        figure.add_scatter(
            x=[value.value],
            y=[session.run_id],
            mode="markers",
            name=session.run_id,
            marker={"size": 10, "symbol": SYMBOLS[number % 8], "color": COLOURS[number % len(COLOURS)]},
            error_x=reach,
        )
    return Chart(
        question=RATIOS,
        note=f"n = {_days([str(row[4]) for row in rows])}. Baseline: 0, no edge. Intervals that overlap do "
        "not say that runs are equal: what is paired above knows more.",
        summary="; ".join(told),
        figure=figure,
        table=Table(head=("run", "Sharpe", "low", "high", "days"), rows=rows),
    )


def _returns(session: Session) -> dict[int, float]:
    """Net return of each window that has one."""
    windows = result_and_curves(session)[0].windows
    measures = {
        window.span.index: window.models[window.traded_model].test["total_return"]
        for window in (() if windows is None else windows.windows)
    }
    return {index: measure.value for index, measure in measures.items() if measure.value is not None}


def _lead_words(run_id: str, lead: list[float], days: PairedDays) -> str:
    better, worse = sum(value > 0 for value in lead), sum(value < 0 for value in lead)
    return (
        f"{run_id}: better in {better}, worse in {worse} of n = {len(lead)} windows; over {len(days.day_ms)} paired "
        f"days Sharpe {shown_estimate(days.sharpe_ratio, signed_ratio)}, mean daily return "
        f"{shown_estimate(days.daily_return, daily_percent)}."
    )


def _common_days(days: list[IntArray]) -> IntArray:
    common = days[0]
    for each in days[1:]:
        common = np.intersect1d(common, each)
    return common


def _days(numbers: list[str]) -> str:
    """Of each run in turn; once where all have as many."""
    return f"{numbers[0]} days each" if len(set(numbers)) == 1 else f"{', '.join(numbers)} days"
