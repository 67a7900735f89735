"""Laws that every chart of a run's pages keeps, whatever the run."""

import json
import re
from collections.abc import Callable
from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from dashboard.chart import Chart
from dashboard.figures.run_charts import RUN_CHARTS
from dashboard.reading import Session
from job.errors import NoDataError
from tests.support.runs import TRADED, example_run, flat_run, undefined_run
from tests.support.sessions import session_of

MAX_JSON_BYTES = 100_000
MAX_POINTS = 2_000
SESSIONS: dict[str, Callable[[], Session]] = {
    "whole": lambda: session_of(example_run(4)),
    "partial": lambda: session_of(example_run(4, failed=(1,))),
    "flat": lambda: session_of(flat_run()),
    "undefined": lambda: session_of(undefined_run()),
}
EVERY = [(kind, name) for kind in SESSIONS for name in RUN_CHARTS]


@cache
def built(kind: str, name: str) -> Chart:
    """One chart of one kind of run."""
    return RUN_CHARTS[name].build(SESSIONS[kind]())


def is_undefined(chart: Chart) -> bool:
    """Whether a reason stands where the picture would be."""
    return any("undefined" in str(note.text) for note in chart.figure.layout.annotations)


@pytest.mark.parametrize(("kind", "name"), EVERY)
def test_chart_says_what_it_is(kind: str, name: str) -> None:
    """It states a question, what it is measured against and how many stand behind it, and sums itself up."""
    chart = built(kind, name)
    assert chart.question == RUN_CHARTS[name].question
    assert chart.question.endswith("?")
    assert chart.summary.endswith((".", "?"))
    if not is_undefined(chart):
        assert "aseline" in chart.note
        assert re.search(r"\bn = \d", chart.note), chart.note


@pytest.mark.parametrize(("kind", "name"), EVERY)
def test_chart_writes_no_number_that_does_not_exist(kind: str, name: str) -> None:
    """What is undefined is said in words: no NaN and no infinity in text or table, on no run."""
    chart = built(kind, name)
    for text in (chart.note, chart.summary, chart.table.csv()):
        assert not re.search(r"\b(nan|NaN|inf|Infinity|None)\b", text), text
    json.loads(chart.figure.to_json())


@pytest.mark.parametrize(("kind", "name"), EVERY)
def test_chart_is_small_enough_to_send(kind: str, name: str) -> None:
    """At most 100 kB of JSON, and 2,000 points a line besides the holes of missing windows."""
    figure = built(kind, name).figure
    assert len(figure.to_json()) <= MAX_JSON_BYTES
    for trace in figure.data:
        if trace.y is not None:
            assert len(trace.y) <= MAX_POINTS + 10


@pytest.mark.parametrize(("kind", "name"), EVERY)
def test_chart_names_its_axes(kind: str, name: str) -> None:
    """Every axis that is seen has a title, unless its ticks are words; small panels share those at the edge."""
    chart = built(kind, name)
    figure = chart.figure
    if is_undefined(chart) or name == "losses":
        return
    for axis in [*figure.select_xaxes(), *figure.select_yaxes()]:
        has_words = axis.ticktext is not None or name in ("stress", "deflation") or axis.matches is not None
        assert axis.visible is False or axis.title.text or has_words, axis


def test_undefined_chart_says_why() -> None:
    """In a run that never traded, the charts of trades have a reason where the picture would be, and in the table."""
    for name, reason in (("trades", "no trades"), ("drawdowns", "the account never fell"), ("fan", "too few days")):
        chart = built("flat", name)
        assert chart.figure.layout.annotations[0].text == f"undefined: {reason}"
        assert chart.table.head == (f"undefined: {reason}",)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -5.0])
def test_account_that_is_no_account_is_not_drawn(bad: float) -> None:
    """Where somebody wrote nonsense into the curves, each chart says so or does without them; none fails."""
    session = SESSIONS["partial"]()
    assert session.result is not None and session.result.curves is not None
    curves = session.result.curves
    spoilt = {name: values.copy() for name, values in curves.equity.items()}
    spoilt[TRADED][50] = bad
    broken = replace(session, result=replace(session.result, curves=replace(curves, equity=spoilt)))
    for name, chart in RUN_CHARTS.items():
        try:
            chart.build(broken)
        except NoDataError as error:
            assert "no curves that can be used" in error.message, name
    with pytest.raises(NoDataError):
        RUN_CHARTS["equity"].build(broken)
