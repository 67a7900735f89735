"""Runs every oracle on the product and on each mutant, and prints the table mutant, check, evidence."""

import argparse
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import import_module

from rich.console import Console
from rich.table import Table

from tests.honesty.registry import Oracle

MODULES = (
    "test_accounts",
    "test_features",
    "test_held_out",
    "test_training",
    "test_learning",
    "test_walkforward",
    "test_known_values",
    "test_luck",
)
HEADERS = ("check", "planted mistake", "where", "caught", "evidence")


@dataclass(frozen=True, kw_only=True)
class Row:
    """One line of the table; the first of each oracle is the product itself."""

    cells: tuple[str, str, str, str, str]
    is_right: bool


def all_oracles(*, with_slow: bool) -> list[Oracle]:
    """Every oracle of the package, in the order of its code."""
    oracles = [oracle for name in MODULES for oracle in import_module(f"tests.honesty.{name}").ORACLES]
    return sorted((o for o in oracles if with_slow or not o.is_slow), key=lambda o: o.code)


def name_of(oracle: Oracle) -> str:
    """Code and check, as the table has them."""
    return f"{oracle.code} {oracle.check.__name__.removeprefix('check_').replace('_', ' ')}"


def rows_of(oracles: list[Oracle]) -> Iterator[Row]:
    """Examine, one line after the other."""
    for oracle in oracles:
        name = name_of(oracle)
        finding = oracle.examine()
        is_right = finding.outcome == "pass"
        yield Row(
            cells=(name, "none", "", "passes" if is_right else finding.outcome, finding.evidence), is_right=is_right
        )
        for mutant in oracle.mutants:
            finding = oracle.examine(mutant)
            is_right = finding.outcome == "fail"
            caught = "yes" if is_right else f"NO: {finding.outcome}"
            yield Row(cells=(name, mutant.name, mutant.seam, caught, finding.evidence), is_right=is_right)


def main() -> None:
    """Print the table; leave with 1 where a mutant survives or the product fails."""
    parser = argparse.ArgumentParser(prog="python -m tests.honesty", description=__doc__)
    parser.add_argument("--markdown", action="store_true", help="a table for a README")
    parser.add_argument("--slow", action="store_true", help="also those that take minutes")
    arguments = parser.parse_args()
    table = Table(*HEADERS)
    lines = [f"| {' | '.join(HEADERS)} |", "|---" * len(HEADERS) + "|"]
    wrong = 0
    for row in rows_of(all_oracles(with_slow=arguments.slow)):
        wrong += not row.is_right
        table.add_row(*row.cells, style="" if row.is_right else "bold red")
        lines.append(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in row.cells)} |")
    if arguments.markdown:
        print("\n".join(lines))
    else:
        Console(markup=False, width=None if sys.stdout.isatty() else 200).print(table)
    raise SystemExit(1 if wrong else 0)


if __name__ == "__main__":
    main()
