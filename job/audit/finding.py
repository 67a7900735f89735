"""What a check of honesty claims, and what it found. Knows nothing of how anything is checked or shown."""

from dataclasses import dataclass
from typing import Literal, TypeAlias

Outcome: TypeAlias = Literal["pass", "fail", "not run"]


@dataclass(frozen=True, kw_only=True)
class AuditFinding:
    """One check that was made, or could not be.

    Parameters
    ----------
    check : its name.
    proves : what a pass means, in a sentence.
    outcome : "not run" is never a pass.
    evidence : the numbers that were measured, or why there are none.
    remedy : what to do where it failed; empty otherwise.
    """

    check: str
    proves: str
    outcome: Outcome
    evidence: str
    remedy: str = ""


@dataclass(frozen=True, kw_only=True)
class Claim:
    """What one check stands for; `AuditFinding` describes the fields."""

    check: str
    proves: str
    remedy: str

    def judge(self, is_met: bool, evidence: str) -> AuditFinding:
        """Pass or fail, with what was measured."""
        return AuditFinding(
            check=self.check,
            proves=self.proves,
            outcome="pass" if is_met else "fail",
            evidence=evidence,
            remedy="" if is_met else self.remedy,
        )

    def not_run(self, reason: str) -> AuditFinding:
        """Nothing was checked."""
        return AuditFinding(check=self.check, proves=self.proves, outcome="not run", evidence=reason)
