"""What would show a leak, row by row: pass, fail or not run, each with its evidence; never a pass by default. Pure."""

import itertools
from dataclasses import dataclass

import numpy as np

from dashboard.chart import Table
from dashboard.figures.run_parts import written
from dashboard.reading import RunResult, Session
from job.audit.finding import Outcome
from job.intervals import format_utc
from job.records import AuditRecord, PlanRecord, StressRecord
from job.report.numbers import count, percent, probability, ratio

MARKS: dict[Outcome, str] = {"pass": "✔ pass", "fail": "✘ fail", "not run": "○ not run"}
LATE, AS_TESTED = "one bar later", "as tested"
MAX_NULL_P = 0.05
SAME = 1e-9
# What an audit looks at, as long as there is none; with one, each of its checks has a row of its own.
AUDITED = {
    "features are the same when all that came later is cut off, or noise": "",
    "no training label reaches into what is held out": "",
    "scaler, weights and thresholds do not change when the test is replaced": "",
    "with labels dealt out anew, nothing is forecast": " --deep",
    "features from the future would score far higher": " --deep",
}


@dataclass(frozen=True, kw_only=True)
class Check:
    """One row: what it claims, how it ended, what was measured, and where that comes from."""

    claim: str
    outcome: Outcome
    evidence: str
    source: str


def leakage_checks(session: Session, result: RunResult, audit: AuditRecord | None) -> list[Check]:
    """Everything that the plan, the result and the newest audit can say; what nobody looked at is not run."""
    plan = session.plan.value
    return [
        _tests_apart(plan),
        _training_before_test(plan),
        _every_window_told(plan, result),
        _numbers_agree(result),
        _late(result),
        _null_worlds(result),
        _holdout(plan, result),
        *_audited(audit, plan),
    ]


def checks_table(checks: list[Check]) -> Table:
    """The rows as they are read."""
    return Table(
        head=("claim", "outcome", "evidence", "from"),
        rows=[(check.claim, MARKS[check.outcome], check.evidence, check.source) for check in checks],
    )


def outcomes(checks: list[Check]) -> str:
    """How many rows ended how."""
    counts = {outcome: sum(check.outcome == outcome for check in checks) for outcome in MARKS}
    return ", ".join(f"{number} {outcome}" for outcome, number in counts.items())


def _tests_apart(plan: PlanRecord) -> Check:
    pairs = list(itertools.pairwise(plan.windows))
    overlapping = [b.index for a, b in pairs if b.test_start_ms < a.test_end_ms]
    return Check(
        claim="no two tests overlap",
        outcome=_outcome(not overlapping),
        evidence=f"{count(len(plan.windows))} tests, overlapping: {', '.join(map(str, overlapping)) or 'none'}",
        source="plan",
    )


def _training_before_test(plan: PlanRecord) -> Check:
    bad = [span.index for span in plan.windows if not span.train_start_ms < span.test_start_ms < span.test_end_ms]
    return Check(
        claim="every window is trained on days before its test",
        outcome=_outcome(not bad),
        evidence=f"{count(len(plan.windows))} windows, out of order: {', '.join(map(str, bad)) or 'none'}",
        source="plan",
    )


def _every_window_told(plan: PlanRecord, result: RunResult) -> Check:
    summary = result.summary
    failed = len(summary.failed_windows)
    return Check(
        claim="no window is left out in silence",
        outcome=_outcome(summary.num_windows == len(plan.windows) == summary.num_done + failed),
        evidence=(
            f"{count(len(plan.windows))} planned; {count(summary.num_done)} in the result, {count(failed)} named as "
            "failed"
        ),
        source="plan, summary",
    )


def _numbers_agree(result: RunResult) -> Check:
    """The same gain by three ways: the account that is drawn, its days, and its windows."""
    claim = "account, days and windows add up to the same gain"
    summary, curves = result.summary, result.curves
    told = summary.models[summary.traded_model].measures["total_return"].value
    if curves is None or result.windows is None or told is None:
        return Check(claim=claim, outcome="not run", evidence="curves, windows or the gain are absent", source="result")
    tests = [window.models[window.traded_model].test["total_return"].value for window in result.windows.windows]
    gains = {
        "summary": told,
        "account": float(curves.equity[summary.traded_model][-1] / curves.equity[summary.traded_model][0] - 1),
        "days": float(np.prod(1 + curves.daily[summary.traded_model]) - 1),
        "windows": float(np.prod([1 + (gain or 0.0) for gain in tests]) - 1),
    }
    return Check(
        claim=claim,
        outcome=_outcome(max(gains.values()) - min(gains.values()) <= SAME * max(1.0, abs(told))),
        evidence=", ".join(f"{name} {percent(gain)}" for name, gain in gains.items()),
        source="result",
    )


def _late(result: RunResult) -> Check:
    """An edge that lives in the very bar of the decision is a leak, or cannot be traded."""
    claim = "an order one bar later keeps at least half of the Sharpe ratio"
    stress: dict[str, StressRecord] = {each.name: each for each in result.summary.stress}
    if LATE not in stress or AS_TESTED not in stress:
        return Check(claim=claim, outcome="not run", evidence="no such circumstance is stored", source="stress")
    own, late = stress[AS_TESTED].sharpe_ratio, stress[LATE].sharpe_ratio
    evidence = f"{written(own, ratio)} as tested, {written(late, ratio)} one bar later"
    if own.value is None or late.value is None or own.value <= 0:
        return Check(claim=claim, outcome="not run", evidence=f"{evidence}: there is no gain to lose", source="stress")
    if late.value < own.value / 2:
        evidence += ": a leak, or an edge too short-lived to rely on"
    return Check(claim=claim, outcome=_outcome(late.value >= own.value / 2), evidence=evidence, source="stress")


def _null_worlds(result: RunResult) -> Check:
    claim = "the procedure does worse on markets in which nothing can be forecast"
    worlds = result.summary.null_worlds
    if worlds is None:
        evidence = "add `--null-worlds 20` to the same walkforward command"
        return Check(claim=claim, outcome="not run", evidence=evidence, source="null worlds")
    p_value = worlds.p_value.value
    return Check(
        claim=claim,
        outcome="not run" if p_value is None else _outcome(p_value < MAX_NULL_P),
        evidence=(
            f"p = {written(worlds.p_value, probability)} on {count(worlds.num_worlds)} worlds; below {MAX_NULL_P} is "
            "a pass"
        ),
        source="null worlds",
    )


def _holdout(plan: PlanRecord, result: RunResult) -> Check:
    claim = "the final model earns on days that were locked away"
    if plan.holdout_start_ms is None:
        return Check(
            claim=claim, outcome="not run", evidence="no days were locked away: `--holdout-days 30`", source="holdout"
        )
    holdout = result.holdout
    if holdout is None:
        command = f"`lorentzian finalize --run-id {plan.run_id} --open-holdout`"
        return Check(claim=claim, outcome="not run", evidence=f"not opened yet: {command}", source="holdout")
    if holdout.is_spent:
        evidence = f"the days are spent: {holdout.spent_reason}"
        return Check(claim=claim, outcome="not run", evidence=evidence, source="holdout")
    sharpe = holdout.measures.get("sharpe_ratio")
    evidence = f"Sharpe ratio {written(sharpe, ratio)} over {count(holdout.num_days)} days"
    value = None if sharpe is None else sharpe.value
    return Check(
        claim=claim, outcome="not run" if value is None else _outcome(value > 0), evidence=evidence, source="holdout"
    )


def _audited(audit: AuditRecord | None, plan: PlanRecord) -> list[Check]:
    if audit is None:
        command = f"lorentzian audit --run-id {plan.run_id}"
        return [
            Check(
                claim=claim,
                outcome="not run",
                evidence=f"`{command}{deep}` with the settings of the run",
                source="audit",
            )
            for claim, deep in AUDITED.items()
        ]
    source = f"audit of the data until {format_utc(audit.end_ms)} UTC"
    return [
        Check(claim=f"{each.check}: {each.proves}", outcome=each.outcome, evidence=each.evidence, source=source)
        for each in audit.findings
    ]


def _outcome(is_met: bool) -> Outcome:
    return "pass" if is_met else "fail"
