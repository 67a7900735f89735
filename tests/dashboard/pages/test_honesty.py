"""Tests of the checks for leaks: each can fail, and none passes by default."""

from dataclasses import replace
from pathlib import Path

import pytest

from dashboard.pages import honesty
from dashboard.pages.honesty_checks import AUDITED, Check, checks_table, leakage_checks, outcomes
from dashboard.reading import RunResult, Session
from dashboard.repository import Repository
from job.artifacts.keys import RunKeys
from job.artifacts.stored_records import record_bytes
from job.records import (
    AuditFindingRecord,
    AuditRecord,
    HoldoutRecord,
    IntervalRecord,
    MeasureRecord,
    NullWorldsRecord,
    StressRecord,
)
from tests.support.components import texts_of
from tests.support.runs import TRADED, example_run
from tests.support.sessions import session_of, store_session


def whole() -> tuple[Session, RunResult]:
    """Nine weeks of tests."""
    session = session_of(example_run(9))
    assert session.result is not None
    return session, session.result


def checked(session: Session, result: RunResult, audit: AuditRecord | None = None) -> dict[str, Check]:
    """The rows by their claims."""
    return {check.claim: check for check in leakage_checks(session, result, audit)}


def with_plan(session: Session, **changes: object) -> Session:
    """The same session with another plan."""
    plan = session.plan.value.model_copy(update=changes)
    return replace(session, plan=replace(session.plan, value=plan))


def test_honest_run_passes_what_it_can_show() -> None:
    """Plan and result pass; what nobody looked at is not run, each with what would run it."""
    rows = checked(*whole())
    failed = [claim for claim, row in rows.items() if row.outcome == "fail"]
    assert failed == ["an order one bar later keeps at least half of the Sharpe ratio"]  # its edge is that short
    assert all(rows[claim].outcome == "not run" for claim in AUDITED)
    assert all(row.evidence for row in rows.values())
    assert rows["no two tests overlap"].outcome == "pass"
    assert rows["account, days and windows add up to the same gain"].outcome == "pass"
    assert rows["the procedure does worse on markets in which nothing can be forecast"].outcome == "not run"


def test_overlapping_tests_fail() -> None:
    """A test that begins before the last one ends is named."""
    session, result = whole()
    windows = list(session.plan.value.windows)
    windows[3] = windows[3].model_copy(update={"test_start_ms": windows[2].test_end_ms - 1})
    row = checked(with_plan(session, windows=tuple(windows)), result)["no two tests overlap"]
    assert (row.outcome, row.evidence) == ("fail", "9 tests, overlapping: 3")


def test_training_after_its_test_fails() -> None:
    """Days out of order are named."""
    session, result = whole()
    windows = list(session.plan.value.windows)
    windows[1] = windows[1].model_copy(update={"train_start_ms": windows[1].test_start_ms + 1})
    row = checked(with_plan(session, windows=tuple(windows)), result)["every window is trained on days before its test"]
    assert (row.outcome, row.evidence) == ("fail", "9 windows, out of order: 1")


def test_doctored_account_fails() -> None:
    """A curve that ends higher than its windows is seen."""
    session, result = whole()
    assert result.curves is not None
    higher = {name: equity * 1.0 for name, equity in result.curves.equity.items()}
    higher[TRADED][-1] *= 1.01
    doctored = replace(result, curves=replace(result.curves, equity=higher))
    assert checked(session, doctored)["account, days and windows add up to the same gain"].outcome == "fail"
    without = replace(result, curves=None)
    assert checked(session, without)["account, days and windows add up to the same gain"].outcome == "not run"


def test_window_left_out_in_silence_fails() -> None:
    """A failed window is told; one that is in neither list is not."""
    run = example_run(4, failed=(1,))
    session = session_of(run)
    assert session.result is not None
    claim = "no window is left out in silence"
    assert checked(session, session.result)[claim].outcome == "pass"
    silent = session.result.summary.model_copy(update={"failed_windows": {}})
    assert checked(session, replace(session.result, summary=silent))[claim].outcome == "fail"


@pytest.mark.parametrize(("own", "late", "outcome"), [(2.0, 1.5, "pass"), (2.0, 0.9, "fail"), (-1.0, -2.0, "not run")])
def test_edge_of_one_bar_fails(own: float, late: float, outcome: str) -> None:
    """Half of the ratio must be left one bar later; where there is no gain, nothing is shown."""
    session, result = whole()
    stress = tuple(
        StressRecord(name=name, total_return=MeasureRecord(value=0.1), sharpe_ratio=MeasureRecord(value=value))
        for name, value in (("as tested", own), ("one bar later", late))
    )
    stressed = replace(result, summary=result.summary.model_copy(update={"stress": stress}))
    assert (
        checked(session, stressed)["an order one bar later keeps at least half of the Sharpe ratio"].outcome == outcome
    )


@pytest.mark.parametrize(("p_value", "outcome"), [(0.02, "pass"), (0.5, "fail"), (None, "not run")])
def test_null_worlds_decide_by_their_p_value(p_value: float | None, outcome: str) -> None:
    """Below one in twenty is a pass."""
    session, result = whole()
    measure = MeasureRecord(value=p_value, reason=None if p_value is not None else "no_trades")
    worlds = NullWorldsRecord(num_worlds=20, sharpe_ratios=(0.0,) * 20, p_value=measure)
    found = replace(result, summary=result.summary.model_copy(update={"null_worlds": worlds}))
    claim = "the procedure does worse on markets in which nothing can be forecast"
    assert checked(session, found)[claim].outcome == outcome


@pytest.mark.parametrize(
    ("sharpe", "is_spent", "outcome"), [(1.0, False, "pass"), (-1.0, False, "fail"), (1.0, True, "not run")]
)
def test_holdout_counts_once(sharpe: float, is_spent: bool, outcome: str) -> None:
    """Days that somebody has seen before prove nothing."""
    session, result = whole()
    holdout = HoldoutRecord(
        start_ms=0,
        end_ms=1,
        model_hash="0",
        opening=2 if is_spent else 1,
        is_spent=is_spent,
        spent_reason="run other opened them" if is_spent else None,
        num_days=30,
        num_bars=2880,
        measures={"sharpe_ratio": MeasureRecord(value=sharpe)},
        sharpe_interval=IntervalRecord(low=None, high=None, reason="too_short"),
    )
    locked = with_plan(session, holdout_start_ms=0)
    row = checked(locked, replace(result, holdout=holdout))["the final model earns on days that were locked away"]
    assert row.outcome == outcome
    closed = checked(locked, result)["the final model earns on days that were locked away"]
    assert closed.outcome == "not run" and "--open-holdout" in closed.evidence


def test_findings_of_an_audit_are_rows_of_their_own() -> None:
    """Each finding with its own outcome; the stand-ins for an audit are gone."""
    session, result = whole()
    findings = tuple(
        AuditFindingRecord(check=outcome, proves="it holds", outcome=outcome, evidence="measured", remedy="")
        for outcome in ("pass", "fail", "not run")
    )
    audit = AuditRecord(end_ms=session.plan.value.end_ms, is_deep=False, findings=findings)
    rows = checked(session, result, audit)
    assert not rows.keys() & AUDITED.keys()
    assert [rows[f"{name}: it holds"].outcome for name in ("pass", "fail", "not run")] == ["pass", "fail", "not run"]
    assert {row[1] for row in checks_table(list(rows.values())).rows} == {"✔ pass", "✘ fail", "○ not run"}
    assert outcomes([rows[f"{name}: it holds"] for name in ("pass", "fail", "not run")]) == "1 pass, 1 fail, 1 not run"


def test_page_shows_the_stored_audit(tmp_path: Path) -> None:
    """The newest audit lies beside the run; its evidence stands on the page, its age too."""
    store = store_session(example_run(9), tmp_path, run_id="example")
    repository = Repository(store, max_bytes=10**7)
    assert "lorentzian audit --run-id example" in texts_of(honesty.layout(repository, run_id="example"))
    finding = AuditFindingRecord(
        check="purge", proves="no training label reaches it", outcome="pass", evidence="0 of 2,873 rows", remedy=""
    )
    audit = AuditRecord(end_ms=1_764_547_200_000, is_deep=True, findings=(finding,))
    store.put(RunKeys("example").audit, record_bytes(audit))
    shown = texts_of(honesty.layout(repository, run_id="example"))
    assert "0 of 2,873 rows" in shown and "audit of the data until 2025-12-01 00:00 UTC" in shown
    assert "lorentzian audit --run-id" not in shown
