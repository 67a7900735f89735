"""Tables and sentences that page and terminal share: each number from the summary, and words where there is none."""

import pytest

from job.records import DriftRecord, MeasureRecord, NullWorldsRecord, SummaryRecord
from job.report import tables
from job.report.drift_figure import drift_figure
from job.report.numbers import percent, probability
from job.report.tables import UNUSUAL, drawdowns_table, drift_sentence, drift_table, null_worlds_sentence
from tests.support.runs import example_run, flat_run
from tests.support.stored_runs import summary_of


@pytest.fixture(scope="module")
def summary() -> SummaryRecord:
    """Of nine windows."""
    return summary_of(example_run(9))


def _measures(*values: float | None) -> tuple[MeasureRecord, ...]:
    return tuple(MeasureRecord(value=v, reason="too_short" if v is None else None) for v in values)


DRIFT = DriftRecord(
    window=(0, 1, 2),
    auc=_measures(0.5, None, 0.9),
    percentile=_measures(0.4, None, 0.96),
    after_the_fact_auc=_measures(0.6, 0.7, None),
    drifting_features=(("own",), (), ("leader", "own")),
)


def _long_drift(last_percentile: float) -> DriftRecord:
    """Of 23 windows, the last one's percentile as given."""
    return DriftRecord(
        window=tuple(range(23)),
        auc=_measures(*[0.5] * 23),
        percentile=_measures(*[None] * 5, *[0.1] * 17, last_percentile),
        after_the_fact_auc=_measures(*[0.5] * 23),
        drifting_features=((),) * 23,
    )


def test_differences_have_a_row_for_each_other(summary: SummaryRecord) -> None:
    """Every model and rule but the traded one, a rule without a log-loss."""
    rows = tables.differences_table(summary).rows
    assert {row[0] for row in rows} == set(summary.models) - {summary.traded_model}
    by_name = {row[0]: row for row in rows}
    assert by_name["always-long"][3] == "– (a rule)"
    assert by_name["prior"][3].count("to") == 1


def test_drawdowns_are_as_many_in_a_hundred_as_they_say(summary: SummaryRecord) -> None:
    """The shallowest comes first, each at its level; without a history there is no table."""
    rows = drawdowns_table(summary.monte_carlo).rows
    assert [row[0] for row in rows] == ["in 1 of 2", "in 1 of 4", "in 1 of 20", "in 1 of 100"]
    assert rows[2][1] == percent(summary.monte_carlo.drawdown_quantiles["0.05"])
    assert rows[2][2] == percent(summary.monte_carlo.shuffled_drawdown_quantiles["0.05"])
    assert drawdowns_table(summary_of(flat_run()).monte_carlo).rows == []


def test_sentence_names_all_that_can_speak_to_overfitting() -> None:
    """Null worlds, the deflated Sharpe ratio and the holdout, and nothing of what only redraws the trades."""
    can = tables.OVERFITTING.split("Only three things")[1]
    assert all(word in can for word in ("null worlds", "DSR", "holdout"))
    assert not any(word in can for word in ("redrawn", "shuffled", "circumstances"))


def test_null_worlds_are_told_or_offered(summary: SummaryRecord) -> None:
    """Without them the command that runs them; with them their best, their p-value, and the least it can be."""
    assert "--null-worlds 20" in null_worlds_sentence(summary)
    worlds = NullWorldsRecord(num_worlds=19, sharpe_ratios=(1.25, None, *[-1.0] * 17), p_value=MeasureRecord(value=0.1))
    sentence = null_worlds_sentence(summary.model_copy(update={"null_worlds": worlds}))
    for words in ("On 19 markets", "at most 1.25", "stayed flat on 1 of them", f"p = {probability(0.1)}", "is 0.050"):
        assert words in sentence


def test_drift_marks_what_is_unusual(summary: SummaryRecord) -> None:
    """The mark stands at the window, its features are named, a hole says why, and the sentence names the window."""
    drifting = summary.model_copy(update={"drift": DRIFT})
    found = drift_table(drifting)
    assert found is not None
    assert [row[0] for row in found.rows] == ["0", "1", f"2 {UNUSUAL}"]
    assert found.rows[2][3] == "leader, own"
    assert found.rows[1][1:4] == ("– (too few days)", "– (too few days)", "–")
    sentence = drift_sentence(summary.model_copy(update={"drift": _long_drift(0.96)}))
    assert "of window 22 differ more than usual" in sentence and "3 of 23 windows could be judged" in sentence
    assert drift_table(summary) is None
    assert drift_sentence(summary) == "Drift was not measured."


def test_drift_says_how_many_windows_could_be_judged(summary: SummaryRecord) -> None:
    """Fewer than twenty windows before it show nothing of a window, and that is not the same as nothing unusual."""
    few = DRIFT.model_copy(update={"percentile": _measures(0.4, None, 0.9)})
    assert drift_sentence(summary.model_copy(update={"drift": few})) == (
        "Drift: none of 3 windows could be judged, since that takes 20 windows before it."
    )
    found = drift_sentence(summary.model_copy(update={"drift": _long_drift(0.5)}))
    assert "no window's newest training days differ" in found and "3 of 23 windows could be judged" in found


def test_drift_figure_draws_each_window_once_and_marks_the_unusual() -> None:
    """Points where there is an AUC, gaps where there is none, one triangle."""
    (axes,) = drift_figure(DRIFT).axes
    lines = {str(line.get_label()): line for line in axes.lines}
    assert list(lines["newest training days, before the test"].get_ydata())[::2] == [0.5, 0.9]
    assert list(lines["unusual"].get_xdata()) == [2]
    assert "n = 3 windows" in axes.get_title(loc="left")
