"""Oracles of honesty: each must pass on the product, and fail on every mistake that is planted in it."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest

from job.audit.finding import AuditFinding, Claim

SLOW_SECONDS = 1_500  # three worlds of 21 windows, on a busy machine


@dataclass(frozen=True, kw_only=True)
class Replacement:
    """One name of the product that a mutant replaces, such as ``job.rows.known_before``."""

    owner: Any
    name: str
    by: Any

    def __str__(self) -> str:
        return f"{self.owner.__name__}.{self.name}"


@dataclass(frozen=True, kw_only=True)
class Mutant:
    """One planted mistake: other arguments for the check, or functions of the product replaced."""

    name: str
    given: Mapping[str, Any] = field(default_factory=dict)
    replaced: tuple[Replacement, ...] = ()

    @property
    def seam(self) -> str:
        """Where the mistake is planted."""
        return ", ".join([f"argument `{name}`" for name in self.given] + [f"`{item}`" for item in self.replaced])


@dataclass(frozen=True, kw_only=True)
class Oracle:
    """A check, what it examines in the product, and the mistakes that it must catch."""

    code: str
    claim: str
    check: Callable[..., AuditFinding]
    given: Mapping[str, Any] = field(default_factory=dict)
    mutants: tuple[Mutant, ...] = ()
    is_slow: bool = False

    def examine(self, mutant: Mutant | None = None) -> AuditFinding:
        """Make the check of the product, or of the product with a mistake in it."""
        if mutant is None:
            return self.check(**self.given)
        with _planted(mutant):
            return self.check(**{**self.given, **mutant.given})


@contextmanager
def _planted(mutant: Mutant) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        for item in mutant.replaced:
            patch.setattr(item.owner, item.name, item.by)
        yield


def each_oracle(oracles: tuple[Oracle, ...]) -> pytest.MarkDecorator:
    """Run a test for every oracle."""
    return pytest.mark.parametrize("oracle", [pytest.param(o, id=o.code, marks=_marks(o)) for o in oracles])


def each_mutant(oracles: tuple[Oracle, ...]) -> pytest.MarkDecorator:
    """Run a test for every mutant of every oracle."""
    return pytest.mark.parametrize(
        ("oracle", "mutant"),
        [pytest.param(o, m, id=f"{o.code}-{m.name}", marks=_marks(o)) for o in oracles for m in o.mutants],
    )


def _marks(oracle: Oracle) -> tuple[pytest.MarkDecorator, ...]:
    return (pytest.mark.slow, pytest.mark.timeout(SLOW_SECONDS)) if oracle.is_slow else ()


def judged(claim: Claim, check: Callable[[], str]) -> AuditFinding:
    """The finding of a check that returns its evidence in a sentence, or raises `AssertionError` with it."""
    try:
        return claim.judge(True, check())
    except AssertionError as error:
        return claim.judge(False, str(error).splitlines()[0])


def assert_passes(oracle: Oracle) -> None:
    """The product keeps to the claim."""
    finding = oracle.examine()
    assert finding.outcome == "pass", finding.evidence


def assert_caught(oracle: Oracle, mutant: Mutant) -> None:
    """The check fails, and for having measured something."""
    finding = oracle.examine(mutant)
    assert finding.outcome == "fail", f"survived: {finding.evidence}"
