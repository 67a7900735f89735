"""Is the result one window's? The spread of the windows, the result without each, and the best one's share. Pure."""

from dataclasses import dataclass

import numpy as np

from dashboard.chart import Chart, Table
from dashboard.figures.house_style import BAND, BLUE, GREY, VERMILION, new_figure, ticks_of_windows
from dashboard.figures.run_parts import column, curves_of, defined, result_of, windows_of, written
from dashboard.figures.sentence import sentence_chart
from dashboard.reading import Session
from job.arrays import FloatArray, IntArray
from job.errors import NoDataError
from job.evaluation.returns import sharpe_ratio
from job.intervals import YEAR_DAYS
from job.report.numbers import count, percent, ratio, share

STRIP_QUESTION = "How far apart are the windows?"
WITHOUT_QUESTION = "Does it hold without any one window?"
SHARE_QUESTION = "How much of the gain is the best window's?"


@dataclass(frozen=True, kw_only=True)
class WindowDays:
    """The traded model's days by window.

    Parameters
    ----------
    index : int64 (n_windows,), in order.
    of_day : int64 (n_days,), row in ``index`` of each day.
    daily : float64 (n_days,), its return.
    """

    index: IntArray
    of_day: IntArray
    daily: FloatArray

    @property
    def log_gain(self) -> FloatArray:
        """Log of what each window multiplied the account by, float64 (n_windows,); they add up to the whole run's."""
        gain = np.bincount(self.of_day, weights=np.log1p(self.daily), minlength=len(self.index))
        return np.asarray(gain, dtype=np.float64)

    @property
    def sharpe_without(self) -> FloatArray:
        """Annual Sharpe ratio of the days outside each window, NaN where it is undefined."""
        ratios = [
            sharpe_ratio(self.daily[self.of_day != row], bars_per_year=YEAR_DAYS) for row in range(len(self.index))
        ]
        return np.array([np.nan if each.value is None else each.value for each in ratios])


def window_days(session: Session) -> WindowDays:
    """Days assigned to the window whose test they lie in."""
    curves, summary = curves_of(session), result_of(session).summary
    if not session.plan.value.windows:
        raise NoDataError(f"The plan of run {session.run_id} has no window.")
    done = [span for span in session.plan.value.windows if str(span.index) not in summary.failed_windows]
    starts = np.array([span.test_start_ms for span in done], dtype=np.int64)
    of_day = np.searchsorted(starts, curves.day_ms, side="right") - 1
    return WindowDays(
        index=np.array([span.index for span in done], dtype=np.int64),
        of_day=np.maximum(of_day, 0),
        daily=np.maximum(curves.daily[summary.traded_model], -1 + 1e-12),
    )


def told_of_one_window(session: Session) -> str:
    """Whether one window made the result, what the best of them made of it, and how many gained."""
    by_window, summary = window_days(session), result_of(session).summary
    without = by_window.sharpe_without
    answer = ""
    if by_window.log_gain.sum() <= 0:
        answer = "No: there is no gain that one window could have made. "
    elif np.isfinite(without).any():
        least = int(np.nanargmin(without))
        answer = (
            f"No: without any one window the Sharpe ratio is still {ratio(without[least])} or more. "
            if without[least] > 0
            else f"Yes: without window {by_window.index[least]} the Sharpe ratio is {ratio(without[least])}. "
        )
    above = f"{written(summary.windows_above_zero, share)} of {count(summary.num_done)} windows ended above 0."
    return f"{answer}{_share_of_best(by_window)} {above}"


def _share_of_best(by_window: WindowDays) -> str:
    gains = by_window.log_gain
    if gains.sum() <= 0:
        return "Share of the best window: undefined: the run as a whole gained nothing."
    best = int(np.argmax(gains))
    return f"The best window, {by_window.index[best]}, made {share(gains[best] / gains.sum())} of the whole gain."


def strip_chart(session: Session) -> Chart:
    """A dot a window at its net return in the test, the middle half as a box, and the median."""
    windows, summary = windows_of(session), result_of(session).summary
    gains = column([window.models[window.traded_model].test["total_return"] for window in windows])
    known = gains[np.isfinite(gains)]
    note = f"Net return of each window's test, n = {count(len(known))}; baseline: 0, always flat."
    if not len(known):
        return sentence_chart(question=STRIP_QUESTION, note=note, reason="no window has a return")
    figure = new_figure(x_title="net return of a window", y_title="", height=210)
    figure.add_box(
        x=known,
        boxpoints="all",
        jitter=0.5,
        pointpos=0,
        line={"color": GREY},
        fillcolor=BAND,
        marker={"color": BLUE, "size": 8},
        text=[f"window {window.span.index}" for window, gain in zip(windows, gains, strict=True) if np.isfinite(gain)],
        hovertemplate="%{text}: %{x:.1%}<extra></extra>",
        showlegend=False,
    )
    figure.add_vline(x=0, line={"color": GREY, "dash": "dot", "width": 1.2})
    figure.update_xaxes(tickformat=".0%")
    figure.update_yaxes(visible=False)
    figure.update_layout(hovermode="closest")
    middle = float(np.median(known))
    return Chart(
        question=STRIP_QUESTION,
        note=(
            f"{note} Line in the box: the median, {percent(middle)}; {written(summary.windows_above_zero, share)} lie "
            "above 0."
        ),
        summary=f"The median window made {percent(middle)}; the best {percent(float(known.max()))}, the worst "
        f"{percent(float(known.min()))}.",
        figure=figure,
        table=Table(
            head=("window", "net return"),
            rows=[(window.span.index, defined(gain)) for window, gain in zip(windows, gains, strict=True)],
        ),
    )


def without_chart(session: Session) -> Chart:
    """The Sharpe ratio of all days but those of one window, for each window."""
    by_window, summary = window_days(session), result_of(session).summary
    whole = summary.models[summary.traded_model].measures["sharpe_ratio"]
    without = by_window.sharpe_without
    note = (
        f"Sharpe ratio of the days outside each window, n = {summary.num_days} days less its own. Solid: of all days, "
        f"{written(whole, ratio)}. Baseline: 0."
    )
    known = without[np.isfinite(without)]
    if whole.value is None or not len(known):
        return sentence_chart(question=WITHOUT_QUESTION, note=note, reason="there is no Sharpe ratio")
    figure = new_figure(x_title="window left out", y_title="Sharpe ratio, per year", height=260)
    figure.add_hline(y=0, line={"color": GREY, "dash": "dot", "width": 1.2})
    figure.add_hline(y=whole.value, line={"color": VERMILION, "width": 1.4})
    figure.add_scatter(
        x=by_window.index,
        y=without,
        mode="markers",
        marker={"color": BLUE, "size": 8, "symbol": "diamond"},
        showlegend=False,
        hovertemplate="%{y:.2f}<extra></extra>",
    )
    figure.update_xaxes(zeroline=False, **ticks_of_windows(len(by_window.index)))
    return Chart(
        question=WITHOUT_QUESTION,
        note=note,
        summary=(
            f"Without one window the Sharpe ratio lies between {ratio(float(known.min()))} and "
            f"{ratio(float(known.max()))}."
        ),
        figure=figure,
        table=Table(
            head=("window left out", "Sharpe ratio of the others"),
            rows=[(int(i), defined(value)) for i, value in zip(by_window.index, without, strict=True)],
        ),
    )


def share_chart(session: Session) -> Chart:
    """The windows from the best to the worst, and how far the account has come with so many of them."""
    by_window = window_days(session)
    gains = by_window.log_gain
    order = np.argsort(-gains, kind="stable")
    total = float(gains.sum())
    note = (
        f"Log gain of each window, the best first, and their sum so far; n = {count(len(gains))} windows, which add "
        "up to the "
        f"whole: {percent(float(np.expm1(total)))}. Baseline: equal shares, {share(1 / len(gains))} each."
    )
    figure = new_figure(x_title="windows, best first", y_title="log gain", height=300)
    labels = [str(i) for i in by_window.index[order]]
    figure.add_bar(x=labels, y=gains[order], marker={"color": BLUE}, name="window", hovertemplate="%{y:.4f}")
    figure.add_scatter(
        x=labels, y=np.cumsum(gains[order]), mode="lines+markers", line={"color": VERMILION}, name="sum so far"
    )
    figure.add_hline(y=total / len(gains), line={"color": GREY, "dash": "dot", "width": 1.2})
    figure.update_xaxes(type="category")
    told = _share_of_best(by_window)
    return Chart(
        question=SHARE_QUESTION,
        note=f"{told} {note}",
        summary=told,
        figure=figure,
        table=Table(
            head=("window", "log gain", "sum so far", "share of the whole"),
            rows=[
                (
                    int(by_window.index[row]),
                    float(gains[row]),
                    float(so_far),
                    share(gains[row] / total) if total > 0 else None,
                )
                for row, so_far in zip(order, np.cumsum(gains[order]), strict=True)
            ],
        ),
    )
