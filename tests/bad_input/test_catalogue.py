"""Only errors of the product come out of any bad input, with the right words, in bounded memory."""

from collections import Counter
from pathlib import Path

import pytest

from tests.bad_input.catalogue import INPUTS
from tests.bad_input.registry import BadInput, Finding, examine, faults


@pytest.mark.parametrize("bad", [pytest.param(bad, id=f"{bad.kind}: {bad.name}") for bad in INPUTS])
def test_bad_input_ends_as_it_must(bad: BadInput, tmp_path: Path) -> None:
    """Its error, its words, its memory."""
    assert faults(bad, examine(bad, tmp_path)) == []


def test_every_bad_input_has_a_name_of_its_own() -> None:
    """A line of the table is found by kind and name."""
    assert {count for count in Counter((bad.kind, bad.name) for bad in INPUTS).values()} == {1}


def test_examination_catches_what_is_wrong(tmp_path: Path) -> None:
    """An exception that is none of ours, other words and too much memory are each a fault."""

    def fail(_: Path) -> object:
        return bytearray(2 << 20), {}["absent"]

    bad = BadInput(kind="kind", name="name", feed=fail, outcome="read", words="other", limit_mib=1)
    finding = examine(bad, tmp_path)
    assert finding.outcome == "NOT OURS: KeyError"
    assert len(faults(bad, finding)) == 3
    assert faults(bad, Finding(outcome="read", message="other words", peak_mib=0.5)) == []
