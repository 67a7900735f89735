"""Tests of the account beside what needs no skill."""

from base64 import b64decode

import numpy as np
import pytest

from dashboard.figures.equity import equity_chart, fall_of
from job.records import LONG
from tests.support.runs import TRADED, example_run
from tests.support.sessions import session_of

AXES = {"x": "<f8", "y": "<f4"}


def test_account_ends_where_the_summary_says() -> None:
    """The last point of a line, the last row of the table and the summary's return are one number."""
    session = session_of(example_run(4))
    assert session.result is not None
    chart = equity_chart(session)
    for name, place in ((TRADED, 1), (LONG, 3)):
        told = 1 + (session.result.summary.models[name].measures["total_return"].value or np.nan)
        (line,) = [trace for trace in chart.figure.data if trace.name == name and trace.yaxis is None]
        assert line.y[-1] == pytest.approx(told, rel=1e-6)
        assert chart.table.rows[-1][place] == pytest.approx(told, rel=1e-12)


def test_scale_is_as_chosen() -> None:
    """The log scale is asked for by name; anything else is linear."""
    session = session_of(example_run(4))
    assert equity_chart(session, scale="log").figure.layout.yaxis.type == "log"
    assert equity_chart(session, scale="<script>").figure.layout.yaxis.type == "linear"


def test_missing_window_is_hatched_and_breaks_the_line() -> None:
    """No line is drawn across a window that failed, and it is marked as missing."""
    run = example_run(4, failed=(1,))
    figure = equity_chart(session_of(run)).figure
    span = run.plan.windows[1]
    (hatched,) = [trace for trace in figure.data if trace.name == "missing window"]
    assert (min(hatched.x), max(hatched.x)) == (span.test_start_ms, span.test_end_ms)
    (line,) = [trace for trace in figure.data if trace.name == TRADED and trace.yaxis is None]
    hole = line.x[np.isnan(line.y)]
    assert hole.tolist() == [span.test_end_ms]
    assert equity_chart(session_of(example_run(4))).figure.data[-1].name != "missing window"


def test_zoom_draws_that_stretch_with_all_its_points() -> None:
    """A day of bars is drawn bar by bar, whatever the length of the run."""
    session = session_of(example_run(4))
    assert session.result is not None and session.result.curves is not None
    start = int(session.result.curves.time_ms[100])
    chart, end = equity_chart(session), start + 24 * 3_600_000
    (place,) = [n for n, line in enumerate(chart.figure.data) if line.name == TRADED and line.yaxis is None]
    seen = chart.seen((start, end))
    x, y = (np.frombuffer(b64decode(seen["data"][place][axis]["bdata"]), dtype=kind) for axis, kind in AXES.items())
    assert len(x) == len(y) == 96 + 3  # both ends, and a neighbour on each side
    assert (x[1], x[-2]) == (start, end)
    assert {axis: seen["data"][place][axis]["dtype"] for axis in AXES} == {"x": "f8", "y": "f4"}
    assert seen | {"data": []} == chart.plain | {"data": []}
    assert chart.seen(None) == chart.plain


def test_fall_is_measured_from_the_highest_mark_so_far() -> None:
    """By hand; and it is never above zero."""
    assert fall_of(np.array([1.0, 2.0, 1.0, 3.0, 1.5])).tolist() == [0, 0, -0.5, 0, -0.5]
