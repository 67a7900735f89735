"""Tests of an audit as a whole, in memory: the checks themselves are put to the proof in `tests.honesty`."""

from dataclasses import replace
from functools import partial

import numpy as np
import pytest

from job.audit import battery, product
from job.audit.accounts import check_costs, check_limits
from job.audit.battery import DEEP_CLAIMS, cuts_of, num_checks, run_audit
from job.audit.labels import check_labels
from job.audit.leaks import FUTURE_SHIFTS, PAST_SHIFTS, PERMUTATION, TIME_SHIFT
from job.audit.purge import check_purge
from job.audit.subject import AuditSubject
from job.audit.training import check_isolation
from job.backtest.account import Backtest
from job.backtest.costs import Costs
from job.data.klines import Klines
from job.rows import LabelledRows
from tests.support.audited import audited_world
from tests.support.procedures import with_changes


def test_audit_passes_the_product(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fast checks pass on an honest subject; deep ones say that they were not made, and none is left out."""
    monkeypatch.setattr(battery, "NUM_CUTS", 5)
    subject = audited_world("edge")
    findings = list(run_audit(subject, deep=False))
    assert len(findings) == num_checks(subject)
    assert len({f.check for f in findings}) == len(findings)
    not_run = {f.check: f.evidence for f in findings if f.outcome == "not run"}
    assert {claim.check for claim in DEEP_CLAIMS} | {"memory band"} == not_run.keys()
    assert not_run["memory band"] == "the model logistic does not answer from learned neighbours"
    assert [f.evidence for f in findings if f.outcome == "fail"] == []


def test_audit_scores_nothing_of_the_test(monkeypatch: pytest.MonkeyPatch) -> None:
    """No row that is scored, and no label that it is scored by, reaches into the test, which nobody has counted."""
    subject = audited_world("edge")
    test = subject.window.test
    assert test is not None
    reached: list[int] = []

    def score(rows: LabelledRows, *, bar_ms: int) -> float:
        is_known = np.isfinite(rows.up)
        reached.append(max(int(rows.open_time.max()), int(rows.label_end_ms[is_known].max())))
        return 0.5

    run_engine = product.run_engine

    def traded(klines: Klines, target: np.ndarray, costs: Costs) -> Backtest:
        reached.append(int(klines.open_time[-1]))
        return run_engine(klines, target, costs)

    monkeypatch.setattr(product, "forward_score", score)
    monkeypatch.setattr(product, "run_engine", traded)
    for claim, check in zip(DEEP_CLAIMS, battery._deep(subject), strict=True):
        if claim in (PERMUTATION, TIME_SHIFT):
            check()
    num_scores = len(reached)
    for check in battery._fast(subject):
        if isinstance(check, partial) and check.func in (check_costs, check_limits):
            check()
    assert num_scores == 1 + battery.NUM_PERMUTATIONS + len((*FUTURE_SHIFTS, 0, *PAST_SHIFTS))
    assert len(reached) > num_scores
    assert max(reached) <= test.start_ms


def test_cuts_cover_both_blocks_and_the_test() -> None:
    """Every place at which a window holds something out is examined; only the test has an embargo."""
    window = audited_world("edge").window
    cuts = cuts_of(window)
    assert [cut.held_out for cut in cuts] == [*(block.validation for block in window.blocks), window.test]
    assert [cut.embargo_bars for cut in cuts] == [0, 0, 1]
    assert len(cuts_of(replace(window, test=None))) == 2


def with_label(label: str) -> AuditSubject:
    """The subject with another label."""
    subject = audited_world("edge")
    procedure = with_changes(subject.plan.procedure, label=label)
    return replace(subject, plan=subject.plan.model_copy(update={"procedure": procedure}))


@pytest.mark.parametrize("label", ["volatility", "pine", "fixed"])
def test_audit_passes_every_label(label: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever is learned: labels are fixed when they say, and none that is learned meets a held-out one."""
    monkeypatch.setattr(battery, "NUM_CUTS", 5)
    found = {}
    for check in battery._fast(with_label(label)):
        if isinstance(check, partial) and check.func in (check_labels, check_purge, check_isolation):
            finding = check()
            found[finding.check] = (finding.outcome, finding.evidence)
    assert len(found) == 3
    assert {outcome for outcome, _ in found.values()} == {"pass"}, found


@pytest.mark.parametrize("label", ["volatility", "pine"])
def test_audit_moves_features_against_labels_that_show_it(label: str) -> None:
    """What is over or lasts betrays no feature at the wrong bar: then the next move does, as with the usual labels."""
    subject = with_label(label)
    deep = dict(zip(DEEP_CLAIMS, battery._deep(subject), strict=True))
    finding = deep[TIME_SHIFT]()
    assert finding.outcome == "pass", finding.evidence
    usual = with_label("fixed")
    horizon = subject.plan.procedure.label.model_copy(update={"label": "fixed"})
    assert horizon == usual.plan.procedure.label
    assert dict(zip(DEEP_CLAIMS, battery._deep(usual), strict=True))[TIME_SHIFT]().evidence == finding.evidence
