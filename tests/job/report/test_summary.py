"""The stored summary says what the evaluation found."""

import numpy as np
import pytest

from job.artifacts.stored_records import parse_record, record_bytes
from job.records import SummaryRecord
from job.report.summary import summary_record
from tests.support.runs import TRADED, example_run, flat_run, undefined_run


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
