"""Tests of the deepest falls."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dashboard.figures.drawdowns import deepest_drawdowns, drawdowns_chart
from job.evaluation.returns import max_drawdown
from tests.support.runs import TRADED, example_run
from tests.support.sessions import session_of


def test_falls_are_found_by_hand() -> None:
    """Two falls, the deeper first; the last is not recovered."""
    equity = np.array([1.0, 2.0, 1.0, 2.0, 4.0, 3.0, 1.0, 2.0])
    deeper, other = deepest_drawdowns(10 * np.arange(8), equity)
    assert (deeper.peak_ms, deeper.trough_ms, deeper.recovered_ms, deeper.depth) == (40, 60, None, -0.75)
    assert (other.peak_ms, other.trough_ms, other.recovered_ms, other.depth) == (10, 20, 30, -0.5)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.floats(0.1, 10), min_size=2, max_size=40))
def test_deepest_fall_is_the_maximum_drawdown(equity: list[float]) -> None:
    """Whatever the account, its deepest fall is the measure's, and falls do not overlap."""
    values = np.array(equity)
    found = deepest_drawdowns(np.arange(len(values)), values, num=100)
    assert min([0.0, *(each.depth for each in found)]) == pytest.approx(max_drawdown(values).rank)
    spans = sorted((each.peak_ms, each.recovered_ms or len(values)) for each in found)
    assert all(end <= start for (_, end), (start, _) in itertools.pairwise(spans))


def test_deepest_fall_on_the_page_is_that_of_the_summary() -> None:
    """The first row has the summary's maximum drawdown."""
    session = session_of(example_run(4))
    assert session.result is not None
    told = session.result.summary.models[TRADED].measures["max_drawdown"].value
    assert told is not None
    assert drawdowns_chart(session).table.rows[0][0] == f"{told:+.1%}"
