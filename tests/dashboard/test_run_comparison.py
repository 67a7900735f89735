"""Runs beside each other: paired where they may be, and told why where they may not."""

from dataclasses import replace

import numpy as np
import pytest

from dashboard.figures.compared_runs import compared_equity_chart, compared_sharpes_chart, window_differences_chart
from dashboard.pages import compare
from dashboard.reading import Session
from dashboard.run_comparison import pair_days, read_compared, result_and_curves, settings_table, traded_daily
from job.artifacts.folder import LocalStore
from job.errors import UsageError
from tests.support.dashboards import FINISHED, OTHER, RUNNING, text_of, watched_repository

RUNS = f"{FINISHED},{OTHER}"


def test_run_less_itself_is_nothing(runs: LocalStore) -> None:
    """The same run twice: a difference of exactly 0, in return and in ratio."""
    session = watched_repository(runs)[0].session(FINISHED)
    days = pair_days(session, session)
    assert (days.daily_return.value, days.sharpe_ratio.value) == (0.0, 0.0)
    np.testing.assert_array_equal(days.own, days.other)


def test_difference_is_of_the_days_that_both_have(runs: LocalStore) -> None:
    """The run that lacks a window is paired on the other days alone."""
    repository, _ = watched_repository(runs)
    compared = read_compared(repository, RUNS)
    days = pair_days(*compared.sessions)
    own, other = (traded_daily(session)[0] for session in compared.sessions)
    assert set(days.day_ms.tolist()) == set(own.tolist()) & set(other.tolist())
    assert 0 < len(days.day_ms) < len(own)


def test_accounts_start_together_and_end_as_compounded(runs: LocalStore) -> None:
    """The table's last row is the product of the days that both share."""
    repository, _ = watched_repository(runs)
    compared = read_compared(repository, RUNS)
    chart = compared_equity_chart(compared)
    days = pair_days(*compared.sessions)
    assert chart.table.rows[-1][1:] == pytest.approx((np.prod(1 + days.own), np.prod(1 + days.other)))
    assert len(chart.table.rows) == len(days.day_ms)


def test_window_differences_are_of_common_windows(runs: LocalStore) -> None:
    """Window 1 is missing in one run, so nothing is said of it."""
    chart = window_differences_chart(read_compared(watched_repository(runs)[0], RUNS))
    assert [row[1] for row in chart.table.rows] == [0, 2, 3]
    assert all(row[4] == pytest.approx(row[3] - row[2]) for row in chart.table.rows)  # type: ignore[operator]
    assert "n = 3 windows" in chart.note


def test_ratios_are_those_of_the_summaries(runs: LocalStore) -> None:
    """Every number of the chart's table stands in a summary."""
    compared = read_compared(watched_repository(runs)[0], RUNS)

    def numbers(session: Session) -> tuple[object, ...]:
        summary = result_and_curves(session)[0].summary
        model = summary.models[summary.traded_model]
        ratio, interval = model.measures["sharpe_ratio"].value, model.sharpe_interval
        return (session.run_id, ratio, interval.low, interval.high, summary.num_days)

    assert list(compared_sharpes_chart(compared).table.rows) == [numbers(each) for each in compared.sessions]


def test_one_run_is_no_comparison(runs: LocalStore) -> None:
    """A run alone, or beside one that is not finished, is refused with the reason."""
    repository, _ = watched_repository(runs)
    with pytest.raises(UsageError, match="of the chosen, 1 can be"):
        read_compared(repository, FINISHED)
    with pytest.raises(UsageError, match=RUNNING):
        read_compared(repository, f"{FINISHED},{RUNNING}")


def test_page_without_a_pair_draws_none(runs: LocalStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """Charts of pairs stand there for pairs; without one a card says why, once, and the runs' own numbers stay."""
    repository, _ = watched_repository(runs)
    assert "window by window" in text_of(compare.layout(repository, runs=RUNS))
    apart = replace(read_compared(repository, RUNS), obstacles={OTHER: ("venue (one and another)",)})
    monkeypatch.setattr(compare, "read_compared", lambda *_: apart)
    shown = text_of(compare.layout(repository, runs=RUNS))
    assert "window by window" not in shown and "from the same start" not in shown
    assert f"{OTHER} cannot be paired" in shown and "How sure is each Sharpe ratio?" in shown


def test_settings_that_differ_come_first(runs: LocalStore) -> None:
    """Equal settings are left out unless asked for."""
    first = watched_repository(runs)[0].session(FINISHED)
    plan = first.plan.value
    costs = plan.procedure.costs.model_copy(update={"fee_bps": 9.0})
    procedure = plan.procedure.model_copy(update={"costs": costs})
    changed = Session(
        plan=type(first.plan)(value=plan.model_copy(update={"procedure": procedure}), key="", etag="", read_at_ms=0),
        manifest_etag="",
        result=first.result,
        read_at_ms=0,
    )
    assert [row[0] for row in settings_table([first, changed], with_equal=False)] == ["costs.fee-bps"]
    everything = settings_table([first, changed], with_equal=True)
    assert everything[0][0] == "costs.fee-bps"
    assert len(everything) > 10
