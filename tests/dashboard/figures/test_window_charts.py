"""Tests of the charts that ask whether the result is one window's."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from dashboard.chart import Chart
from dashboard.figures.dumbbell import dumbbell_chart
from dashboard.figures.gantt import gantt_chart, purge_ms
from dashboard.figures.losses import PER_PART, losses_chart, num_parts
from dashboard.figures.one_window import share_chart, strip_chart, told_of_one_window, window_days, without_chart
from dashboard.figures.regimes import regimes_chart
from dashboard.figures.window_detail import window_detail_chart
from dashboard.reading import RunResult, Session
from job.artifacts.npz import bytes_to_arrays
from job.errors import DataError
from job.intervals import HOUR_MS
from job.records.windows import WindowsRecord
from tests.support.runs import TRADED, example_run
from tests.support.sessions import session_of
from tests.support.stored_runs import stored_series


def whole() -> tuple[Session, RunResult]:
    """Nine weeks of tests."""
    session = session_of(example_run(9))
    assert session.result is not None
    return session, session.result


def test_purge_is_horizon_and_embargo() -> None:
    """Eight bars of a quarter of an hour, and one more for the order: two hours and a quarter."""
    assert purge_ms(example_run(9).plan) == 2.25 * HOUR_MS


@pytest.mark.parametrize("build", [dumbbell_chart, without_chart])
def test_few_windows_have_no_ticks_between_them(build: Callable[[Session], Chart]) -> None:
    """Nine windows are counted one by one: there is no window 0.5."""
    assert build(whole()[0]).figure.layout.xaxis.dtick == 1
    assert gantt_chart(whole()[0]).figure.layout.yaxis.dtick == 1


def test_gantt_has_a_row_a_planned_window() -> None:
    """To scale: each bar begins and ends where its span does, and a failed test says so."""
    run = example_run(4, failed=(1,))
    chart = gantt_chart(session_of(run))
    train = chart.figure.data[0]
    span = run.plan.windows[2]
    assert train.base[2] == span.train_start_ms
    assert train.base[2] + train.x[2] == span.test_start_ms - purge_ms(run.plan)
    assert [row[-1] for row in chart.table.rows] == ["done", "its pod was killed", "done", "done"]
    (missing,) = [trace for trace in chart.figure.data if trace.name == "test, missing"]
    assert missing.y.tolist() == [1]


def test_dumbbell_shows_what_each_window_chose_and_found() -> None:
    """The table has the windows' own measures, to the last digit."""
    session, result = whole()
    assert result.windows is not None
    for metric in ("sharpe_ratio", "total_return", "log_loss"):
        rows = dumbbell_chart(session, metric=metric).table.rows
        for row, window in zip(rows, result.windows.windows, strict=True):
            model = window.models[TRADED]
            assert row[:3] == (window.span.index, model.validation[metric].value, model.test[metric].value)


def test_windows_multiply_to_the_whole() -> None:
    """Log gains add up to the log of the run's return; the order is from the best to the worst."""
    session, result = whole()
    told = result.summary.models[TRADED].measures["total_return"].value
    assert told is not None
    assert window_days(session).log_gain.sum() == pytest.approx(np.log1p(told), rel=1e-9)
    gains = [row[1] for row in share_chart(session).table.rows]
    assert gains == sorted(gains, reverse=True)  # type: ignore[type-var]


def test_ratio_without_a_window_leaves_its_days_out() -> None:
    """Against numpy, for one window."""
    session, result = whole()
    assert result.curves is not None
    own = result.curves.daily[TRADED]
    days = np.delete(own, slice(14, 21))  # the third of windows of seven days
    assert without_chart(session).table.rows[2] == (2, pytest.approx(days.mean() / days.std(ddof=1) * 365**0.5))


def test_strip_and_regimes_hold_every_window_once() -> None:
    """A row a window; the kinds of market count each window once."""
    session, result = whole()
    assert len(strip_chart(session).table.rows) == result.summary.num_done
    assert sum(int(row[1]) for row in regimes_chart(session).table.rows) == result.summary.num_done  # type: ignore[arg-type]


def test_page_answers_its_question_in_words() -> None:
    """No where the rest stands without any one window, yes where it falls without one, no where nothing was gained."""
    session, result = whole()
    least = np.nanmin(window_days(session).sharpe_without)
    assert told_of_one_window(session).startswith(f"No: without any one window the Sharpe ratio is still {least:.2f} ")
    assert result.curves is not None
    day = np.arange(len(result.curves.day_ms))
    losing = -0.002 + 0.001 * (day % 3)
    lucky = np.where(window_days(session).of_day == 2, 0.05, losing)
    for daily, words in ((lucky, "Yes: without window 2 the Sharpe ratio is -"), (losing, "No: there is no gain")):
        curves = replace(result.curves, daily=result.curves.daily | {TRADED: daily})
        told = told_of_one_window(replace(session, result=replace(result, curves=curves)))
        assert told.startswith(words), told


def test_losses_show_a_screen_of_windows_at_a_time() -> None:
    """Thirty windows take two screens; the second begins where the first ends, and nonsense is the first."""
    session, result = whole()
    assert result.windows is not None
    many = WindowsRecord(
        windows=tuple(
            window.model_copy(update={"span": window.span.model_copy(update={"index": number})})
            for number, window in enumerate((result.windows.windows * 4)[:30])
        )
    )
    long = replace(session, result=replace(result, windows=many))
    assert num_parts(long) == 2
    titles = [
        [note.text for note in losses_chart(long, part=part).figure.layout.annotations] for part in ("", "2", "x")
    ]
    assert titles[0][0] == titles[2][0] == "window 0"
    assert titles[1] == [f"window {number}" for number in range(PER_PART, 30)]


def test_window_in_detail_has_a_row_a_bar() -> None:
    """Close, forecast and position as stored; a missing or shorter array is refused, not guessed."""
    run = example_run(9)
    window, arrays = run.windows[2], bytes_to_arrays(stored_series(run.series[2]), where="memory")
    chart = window_detail_chart(window, arrays)
    assert len(chart.table.rows) == window.num_test_bars
    assert [row[1] for row in chart.table.rows] == run.series[2].klines.close.tolist()
    for bad in ({"close": arrays["close"][:-1]}, {"close": arrays["close"].astype(str)}):
        with pytest.raises(DataError, match="cannot be drawn"):
            window_detail_chart(window, arrays | bad)
    with pytest.raises(DataError, match=f"probability_{TRADED}"):
        window_detail_chart(window, {name: a for name, a in arrays.items() if name != f"probability_{TRADED}"})
