"""Feeds every bad input to the product, and prints the table: input, what came out, most memory that may be held."""

import sys
import tempfile
from pathlib import Path

from tests.bad_input.catalogue import INPUTS
from tests.bad_input.registry import READ, examine, faults

LONGEST_CELL = 160


def main() -> None:
    """Print the table in Markdown; leave with 1 where something else came out than must."""
    print("| input | what is wrong with it | what came out | sentence | MiB at most |")
    print("|---|---|---|---|---|")
    num_wrong = 0
    for bad in INPUTS:
        with tempfile.TemporaryDirectory() as folder:
            finding = examine(bad, Path(folder))
        wrong = faults(bad, finding)
        num_wrong += bool(wrong)
        sentence = finding.message if finding.outcome != READ else "read as it was meant"
        cells = (bad.kind, bad.name, "; ".join(["WRONG", *wrong]) if wrong else finding.outcome, sentence)
        print(f"| {' | '.join(map(_cell, cells))} | {bad.limit_mib} |", flush=True)
    print(f"\n{len(INPUTS)} inputs, {num_wrong} with another outcome than they must have.")
    sys.exit(num_wrong > 0)


def _cell(text: str) -> str:
    plain = text.encode("unicode_escape").decode().replace("|", "\\|")
    return plain if len(plain) <= LONGEST_CELL else f"{plain[: LONGEST_CELL - 1]}…"


if __name__ == "__main__":
    main()
