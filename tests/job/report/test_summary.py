"""The stored summary says what the evaluation found."""

from dataclasses import replace

import numpy as np
import pytest

from job.artifacts.stored_records import parse_record, record_bytes
from job.backtest.funding import FundingDays
from job.evaluation.measure import Measure
from job.evaluation.pbo import Overfitting
from job.records import SummaryRecord
from job.report.summary import summary_record
from tests.support.procedures import with_changes
from tests.support.runs import TRADED, blended_run, example_run, flat_run, searched_run, undefined_run


def test_summary_record_repeats_the_evaluation() -> None:
    """Verdict, findings and every model's measures are taken over unchanged, and survive being stored."""
    run = example_run(5)
    evaluation, findings = run.evaluation, run.evaluation.findings
    summary = summary_record(run.plan, evaluation, "5 of 5 windows.", {}, "ledger")
    assert parse_record(SummaryRecord, record_bytes(summary), where="memory") == summary
    assert (summary.verdict, summary.next) == (evaluation.verdict.verdict, evaluation.verdict.settle)
    assert summary.dsr.value == findings.dsr.value
    assert summary.spa_p.reason == findings.no_skill_p.reason == "too_short"
    assert summary.break_even_bps.value == findings.break_even_bps.value
    assert set(summary.models) == set(evaluation.models)
    assert all(
        summary.models[name].measures[key].value == measure.value
        for name, model in evaluation.models.items()
        for key, measure in model.measures.items()
    )


def test_summary_record_counts_windows() -> None:
    """Share above zero and worst window come from the tests of the windows that finished."""
    run = example_run(5, failed=(3,))
    gains = [window.models[TRADED].test["total_return"].value for window in run.windows]
    summary = summary_record(run.plan, run.evaluation, "4 of 5 windows, 1 failed: 3.", {"3": "no bars"}, "ledger")
    assert (summary.num_windows, summary.num_done) == (5, 4)
    assert summary.failed_windows == {"3": "no bars"}
    assert summary.windows_above_zero.value == pytest.approx(np.mean(np.array(gains, dtype=float) > 0))
    assert summary.worst_window.value == min(gain for gain in gains if gain is not None)
    assert summary.worst_window_index == run.windows[gains.index(summary.worst_window.value)].span.index
    assert summary.first_test_ms == run.plan.windows[0].test_start_ms
    assert summary.last_test_ms == run.plan.windows[-1].test_end_ms


def test_summary_record_keeps_what_is_undefined() -> None:
    """Without trades, or without any number at all, there is a reason and never a zero in its place."""
    flat = flat_run()
    summary = summary_record(flat.plan, flat.evaluation, "2 of 2 windows.", {}, "ledger")
    assert summary.break_even_bps.reason == "no_trades"
    assert summary.models[TRADED].measures["sharpe_ratio"].reason == "zero_variance"
    empty = undefined_run()
    summary = summary_record(empty.plan, empty.evaluation, "2 of 2 windows.", {}, "ledger")
    assert summary.worst_window.value is None
    assert summary.windows_above_zero.value is None
    assert summary.windows_above_zero.reason == "too_short"


def test_summary_record_holds_the_statistics() -> None:
    """Trials, differences, random signals and the two lines are those of the evaluation."""
    run = example_run(9)
    evaluation = run.evaluation
    summary = summary_record(run.plan, evaluation, "9 of 9 windows.", {}, "ledger")
    assert (summary.num_trials, summary.num_trials_of_symbol) == (1, 1)
    assert summary.effective_trials.value == evaluation.findings.effective_trials
    assert summary.dsr_of_all_trials.value == evaluation.deflation.dsr_of_all_trials.value
    assert summary.pbo.reason == "too_few_trials"
    assert summary.smallest_visible_sharpe.value == pytest.approx(2.8016 * (365 / summary.num_days) ** 0.5, rel=1e-4)
    assert (summary.forecast, summary.forecast_reason) == (evaluation.forecast.word, evaluation.forecast.reason)
    assert (summary.model, summary.model_reason) == (evaluation.model.word, evaluation.model.reason)
    assert list(summary.differences) == list(evaluation.differences)
    to_prior = summary.differences["prior"].sharpe_ratio
    assert to_prior.low is not None and to_prior.value is not None and to_prior.high is not None
    assert to_prior.low < to_prior.value < to_prior.high
    assert summary.differences["always-flat"].log_loss is None
    assert summary.random_signals.num_draws == 200
    assert summary.random_signals.share_below.value is not None
    assert parse_record(SummaryRecord, record_bytes(summary), where="memory") == summary


def test_summary_record_warns_of_what_readers_should_know() -> None:
    """The plan's warnings first; then another attempt at a test, and a probability of overfitting from few blocks."""
    run = example_run(5)
    plan = run.plan.model_copy(update={"warnings": ("The span is short.",)})
    short, funding = summary_record(plan, run.evaluation, "", {}, "ledger").warnings
    assert short == "The span is short." and "No funding was charged" in funding
    few = Overfitting(probability=Measure.of(0.4), num_trials=12, num_days=35, num_blocks=6)
    evaluation = replace(
        run.evaluation,
        funding_days=FundingDays(num_settled=35, num_charged=35),
        num_attempts=2,
        deflation=replace(run.evaluation.deflation, overfitting=few),
    )
    _, attempts, blocks = summary_record(plan, evaluation, "", {}, "ledger").warnings
    assert "read by 2 models" in attempts and "one trial" in attempts
    assert "6 blocks instead of 8" in blocks and "35 days" in blocks


def test_summary_record_says_what_a_label_cannot_trade() -> None:
    """A label without a side, and one that is over, each have a sentence; the usual ones have none."""
    run = example_run(3)
    usual = summary_record(run.plan, run.evaluation, "all.", {}, "ledger").warnings
    for label, words in (("volatility", "nothing was traded"), ("pine", "known when it is forecast")):
        plan = run.plan.model_copy(update={"procedure": with_changes(run.plan.procedure, label=label)})
        warnings = summary_record(plan, run.evaluation, "all.", {}, "ledger").warnings
        assert len(warnings) == len(usual) + 1
        assert any(words in warning for warning in warnings)
        assert not any(words in warning for warning in usual)


def test_summary_record_says_how_often_a_blend_was_kept() -> None:
    """And what its members weighed in the mean, dropped windows included."""
    run = blended_run(3)
    (sentence,) = (w for w in summary_record(run.plan, run.evaluation, "all.", {}, "ledger").warnings if "blend" in w)
    assert "kept the blend in 2 of 3 windows" in sentence
    assert "vote 0.17, trees 0.83" in sentence


def test_summary_record_says_what_a_search_has_chosen() -> None:
    """How often the settings as given stayed, and which others were chosen; a run without a search has no sentence."""
    run = searched_run(3)
    sentences = summary_record(run.plan, run.evaluation, "all.", {}, "ledger").warnings
    (sentence,) = (warning for warning in sentences if "candidates" in warning)
    assert "among 3 candidates, and the settings as given in 1 of 3 windows" in sentence
    assert "in the others: lr=0.01 hidden=64 (2)." in sentence
    plain = example_run(3)
    assert not any("candidates" in w for w in summary_record(plain.plan, plain.evaluation, "", {}, "l").warnings)
