"""The table of mutants itself: a mistake that survives must show, and nothing planted may stay."""

import math
import re
from pathlib import Path

import pytest

from job.audit.finding import AuditFinding, Claim
from tests.honesty.__main__ import MODULES, all_oracles, name_of, rows_of
from tests.honesty.registry import Mutant, Oracle, Replacement, assert_caught, assert_passes

FOLDER = Path(__file__).parent
CLAIM = Claim(check="square root", proves="4 has the root 2", remedy="")


def check_root(*, of: float = 4.0) -> AuditFinding:
    """The root of 4."""
    return CLAIM.judge(math.sqrt(of) == 2, f"found {math.sqrt(of):g}") if of else CLAIM.not_run("nothing given")


CAUGHT = Mutant(name="other number", given={"of": 9.0})
REPLACED = Mutant(name="other root", replaced=(Replacement(owner=math, name="sqrt", by=lambda x: x),))
SURVIVES = Mutant(name="no mistake")
UNSEEN = Mutant(name="nothing to see", given={"of": 0.0})
ORACLE = Oracle(code="D00", claim=CLAIM.proves, check=check_root, mutants=(CAUGHT, REPLACED, SURVIVES, UNSEEN))


def test_mutants_are_planted_for_one_examination() -> None:
    """Arguments and replaced functions reach the check, and are gone after it."""
    for mutant in (CAUGHT, REPLACED):
        assert_caught(ORACLE, mutant)
    assert_passes(ORACLE)
    assert (CAUGHT.seam, REPLACED.seam) == ("argument `of`", "`math.sqrt`")


@pytest.mark.parametrize("mutant", [SURVIVES, UNSEEN], ids=lambda mutant: mutant.name)
def test_mutant_that_does_not_fail_survives(mutant: Mutant) -> None:
    """A pass is not a catch, and neither is a check that was not run."""
    with pytest.raises(AssertionError, match="survived"):
        assert_caught(ORACLE, mutant)


def test_table_says_which_mutants_survive() -> None:
    """The product first, then a line a mutant, wrong where it was not caught."""
    rows = list(rows_of([ORACLE]))
    assert [row.is_right for row in rows] == [True, True, True, False, False]
    assert rows[3].cells == ("D00 root", "no mistake", "", "NO: pass", "found 2")


def test_every_oracle_has_a_mutant() -> None:
    """A check that has never failed proves little; only a second model under the same check may go without."""
    oracles = all_oracles(with_slow=True)
    assert {f"{name}.py" for name in MODULES} == {file.name for file in FOLDER.glob("test_*.py")} - {"test_registry.py"}
    with_mutants = {oracle.check for oracle in oracles if oracle.mutants}
    assert [oracle.claim for oracle in oracles if oracle.check not in with_mutants] == []


def test_readme_shows_every_check_and_mistake() -> None:
    """The README's table has a row for each fast check and each mistake planted in it, in the order of the code."""
    lines = (FOLDER.parents[1] / "README.md").read_text().splitlines()
    shown = [tuple(cell.strip() for cell in line.split("|")[1:3]) for line in lines if re.match(r"\| D\d\d ", line)]
    expected = [
        (name_of(oracle), planted)
        for oracle in all_oracles(with_slow=False)
        for planted in ("none", *(mutant.name for mutant in oracle.mutants))
    ]
    assert shown == expected
