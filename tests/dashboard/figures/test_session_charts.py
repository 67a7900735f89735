"""Tests of the smaller charts of a session: months, rolling ratio, trades, forecasts and costs."""

from dataclasses import replace

import numpy as np
import pytest

from dashboard.figures.calibration import calibration_chart, sides_chart
from dashboard.figures.costs import costs_chart
from dashboard.figures.months import months_chart
from dashboard.figures.rolling import ROLLING_DAYS, rolling_chart, rolling_sharpe
from dashboard.figures.trades import trades_chart
from dashboard.reading import RunResult, Session
from job.artifacts.curves import RunCurves
from tests.support.runs import TRADED, example_run
from tests.support.sessions import session_of


def whole() -> tuple[Session, RunResult, RunCurves]:
    """A run of nine weeks of tests, with its result and curves."""
    session = session_of(example_run(9))
    assert session.result is not None and session.result.curves is not None
    return session, session.result, session.result.curves


def test_months_compound_to_the_whole() -> None:
    """Cells multiply to the run's return, and their days add up."""
    session, result, _ = whole()
    heatmap = months_chart(session).figure.data[0]
    gains = np.array(heatmap.z)[np.isfinite(heatmap.z)]
    told = result.summary.models[TRADED].measures["total_return"].value
    assert np.prod(1 + gains) - 1 == pytest.approx(told, rel=1e-9)
    assert sum(int(row[1]) for row in months_chart(session).table.rows) == result.summary.num_days
    assert heatmap.zmid == 0 and heatmap.zmin == -heatmap.zmax


def test_rolling_ratio_is_mean_over_deviation() -> None:
    """Against numpy on the last stretch; a stretch that never varies has none."""
    daily = np.random.default_rng(0).normal(0.001, 0.01, 50)
    last = daily[-ROLLING_DAYS:]
    assert rolling_sharpe(daily)[-1] == pytest.approx(last.mean() / last.std(ddof=1) * 365**0.5)
    assert len(rolling_sharpe(daily)) == 50 - ROLLING_DAYS + 1
    assert np.isnan(rolling_sharpe(np.zeros(ROLLING_DAYS))).all()


def test_rolling_chart_has_a_row_a_stretch() -> None:
    """One stretch ends with each day from the thirtieth on."""
    session, result, _ = whole()
    assert len(rolling_chart(session).table.rows) == result.summary.num_days - ROLLING_DAYS + 1


def test_trades_are_all_in_the_bars_and_none_across_zero() -> None:
    """Bars hold every trade once; zero is an edge, so that no bar mixes gains and losses."""
    session, result, curves = whole()
    chart = trades_chart(session)
    counted = sum(int(row[2]) + int(row[3]) for row in chart.table.rows)
    assert counted == len(curves.trades.gain) == result.summary.models[TRADED].measures["n_trades"].value
    assert not any(float(row[0]) < 0 < float(row[1]) for row in chart.table.rows)
    below = sum(int(row[2]) + int(row[3]) for row in chart.table.rows if float(row[1]) <= 0)
    assert below == (curves.trades.gain < 0).sum()


def test_forecasts_are_all_counted_and_the_base_rate_is_the_summarys() -> None:
    """Bins and sides hold the labelled bars of the joined tests, and their ups are the base rate."""
    session, result, curves = whole()
    measures = result.summary.models[TRADED].measures
    assert sum(int(row[2]) for row in calibration_chart(session).table.rows) == measures["n_labels"].value
    down, up = ([int(row[1]), int(row[2])] for row in sides_chart(session).table.rows)
    assert sum(down) + sum(up) == measures["n_labels"].value
    assert sum(up) / (sum(down) + sum(up)) == pytest.approx(measures["base_rate"].value)
    assert curves.calibration.confusion.tolist() == [down, up]


def test_cost_curve_passes_through_the_result() -> None:
    """At the assumed cost it has the headline's Sharpe ratio; more cost never earns more."""
    session, result, _ = whole()
    curve = dict(costs_chart(session).table.rows)
    told = result.summary.models[TRADED].measures["sharpe_ratio"].value
    assert curve[result.summary.assumed_cost_bps] == pytest.approx(told, rel=1e-9)
    values = list(curve.values())
    assert values == sorted(values, reverse=True)


def test_cost_that_ruins_is_undefined_and_not_zero() -> None:
    """A Sharpe ratio that does not exist is left out of the line and empty in the table."""
    session, result, curves = whole()
    spoilt = replace(curves, cost_sharpe=np.where(curves.cost_bps == curves.cost_bps[-1], np.nan, curves.cost_sharpe))
    chart = costs_chart(replace(session, result=replace(result, curves=spoilt)))
    assert chart.table.rows[-1][1] is None
    assert len(chart.figure.data[0].x) == len(curves.cost_bps) - 1
