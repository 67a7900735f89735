"""Tests of what a check claims and finds."""

from job.audit.finding import Claim

CLAIM = Claim(check="name", proves="something", remedy="Do this.")


def test_failure_alone_carries_the_remedy() -> None:
    """A pass needs no advice, a failure has it, and what was not run is neither."""
    passed, failed, skipped = CLAIM.judge(True, "1 row"), CLAIM.judge(False, "1 row"), CLAIM.not_run("no rows")
    assert [f.outcome for f in (passed, failed, skipped)] == ["pass", "fail", "not run"]
    assert [f.remedy for f in (passed, failed, skipped)] == ["", "Do this.", ""]
    assert skipped.evidence == "no rows"
