"""Tests of the charts that ask how much could be luck."""

from dataclasses import replace

import numpy as np
import pytest

from dashboard.figures.deflation import deflation_chart, record_chart
from dashboard.figures.luck import drift_chart, fan_chart, null_worlds_chart, stress_chart
from dashboard.reading import RunResult, Session
from job.records import DriftRecord, MeasureRecord, NullWorldsRecord
from tests.support.runs import TRADED, example_run
from tests.support.sessions import session_of


def whole() -> tuple[Session, RunResult]:
    """Nine weeks of tests."""
    session = session_of(example_run(9))
    assert session.result is not None
    return session, session.result


def with_summary(**changes: object) -> Session:
    """The same with other fields in the summary."""
    session, result = whole()
    return replace(session, result=replace(result, summary=result.summary.model_copy(update=changes)))


def test_waterfall_falls_by_what_luck_shows() -> None:
    """Observed less luck is what is left, and the first bar is the summary's Sharpe ratio."""
    chart = deflation_chart(with_summary(luck_sharpe=MeasureRecord(value=1.5)))
    observed, luck, left = (bar.y[0] for bar in chart.figure.data[:3])
    told = whole()[1].summary.models[TRADED].measures["sharpe_ratio"].value
    assert (observed, luck, left) == (told, -1.5, pytest.approx(observed - 1.5))


def test_track_record_curve_passes_through_the_result() -> None:
    """At the days that were tested it has the summary's PSR; where it reaches 0.95 stands the minimum track record."""
    session, result = whole()
    days, chance = map(np.array, zip(*record_chart(session).table.rows, strict=True))
    assert np.interp(result.summary.num_days, days, chance) == pytest.approx(result.summary.psr.value, abs=1e-3)


def test_fan_begins_at_one_and_its_table_has_a_row_a_day() -> None:
    """Every quantile begins with the account's start."""
    rows = fan_chart(whole()[0]).table.rows
    assert rows[0][1:] == (1.0,) * (len(rows[0]) - 1)
    assert len(rows) == whole()[1].summary.num_days + 1


def test_no_loss_among_the_histories_is_not_a_chance_of_zero() -> None:
    """Five thousand histories cannot say that something never happens: they say how many there were."""
    monte_carlo = whole()[1].summary.monte_carlo
    safe = monte_carlo.model_copy(update={"probability_of_loss": MeasureRecord(value=0.0)})
    assert f"none of the {monte_carlo.num_draws:,} ends in a loss" in fan_chart(with_summary(monte_carlo=safe)).note


def test_stress_has_a_row_a_circumstance() -> None:
    """In the order of the summary; the first is as tested."""
    session, result = whole()
    assert [row[0] for row in stress_chart(session).table.rows] == [each.name for each in result.summary.stress]


def test_null_worlds_that_were_not_run_are_not_a_pass() -> None:
    """Without them the chart says so, with the flag that runs them; with them it has a row each, and the real one."""
    assert "--null-worlds" in null_worlds_chart(whole()[0]).note
    worlds = NullWorldsRecord(num_worlds=3, sharpe_ratios=(0.5, None, -1.0), p_value=MeasureRecord(value=0.25))
    chart = null_worlds_chart(with_summary(null_worlds=worlds))
    assert [row[1] for row in chart.table.rows[:3]] == [0.5, None, -1.0]
    assert chart.table.rows[3][0] == "the real one"
    assert "0.250" in chart.summary


def test_unusual_drift_has_a_mark_of_its_own() -> None:
    """A window above 95 % of those up to it is a triangle, whatever its colour."""

    def measures(*values: float) -> tuple[MeasureRecord, ...]:
        return tuple(MeasureRecord(value=value) for value in values)

    drift = DriftRecord(
        window=(0, 1),
        auc=measures(0.5, 0.9),
        percentile=measures(0.5, 0.97),
        after_the_fact_auc=measures(0.5, 0.6),
        drifting_features=((), ("log_range_8",)),
    )
    chart = drift_chart(with_summary(drift=drift))
    (unusual,) = [trace for trace in chart.figure.data if trace.name == "unusual"]
    assert (unusual.x.tolist(), unusual.marker.symbol) == ([1], "triangle-up")
    assert chart.table.rows[1][3] == "log_range_8"
