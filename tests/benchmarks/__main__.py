"""Runs one benchmark: a module of this package.

Its ``measure()`` returns its figures by name; a table is a list of rows by column. One that has ``add_arguments()`` is
given them.
"""

import argparse
import contextlib
import importlib
import json
import os
import pkgutil
import platform
import sys
from typing import Any

from rich.console import Console
from rich.table import Table

import tests.benchmarks


def describe_machine() -> dict[str, str | int]:
    """The machine and the versions that the figures belong to."""
    cpu = platform.processor() or platform.machine()
    if os.path.exists("/proc/cpuinfo"):
        with open("/proc/cpuinfo") as lines:
            names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
        cpu = next(iter(names), cpu)
    return {
        "cpu": cpu,
        "num_cpus": os.cpu_count() or 1,
        "system": platform.platform(),
        "python": platform.python_version(),
    }


def main() -> None:
    """Measure what the command line names and print it."""
    names = sorted(module.name for module in pkgutil.iter_modules(tests.benchmarks.__path__))
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    commands = parser.add_subparsers(dest="name", required=True)
    for name in names:
        if not name.startswith("_"):
            commands.add_parser(name, add_help=False)
    chosen, rest = parser.parse_known_args()
    module = importlib.import_module(f"tests.benchmarks.{chosen.name}")
    own = argparse.ArgumentParser(prog=f"{parser.prog} {chosen.name}", description=module.__doc__)
    own.add_argument("--json", action="store_true", help="one JSON object instead of lines")
    if hasattr(module, "add_arguments"):
        module.add_arguments(own)
    arguments = own.parse_args(rest)
    with contextlib.redirect_stdout(sys.stderr):  # some peers chat, and long ones tell how far they are
        figures = module.measure(arguments) if hasattr(module, "add_arguments") else module.measure()
    if arguments.json:
        print(json.dumps({"benchmark": chosen.name, **figures, "machine": describe_machine()}))
        return
    for name, value in {**figures, **describe_machine()}.items():
        if isinstance(value, list):
            _print_table(name, value)
        else:
            print(f"{name:36} {_text(value)}")


def _print_table(title: str, rows: list[dict[str, Any]]) -> None:
    columns = list(dict.fromkeys(column for row in rows for column in row))
    table = Table(*columns, title=title)
    for row in rows:
        table.add_row(*(_text(row.get(column)) for column in columns))
    Console().print(table)


def _text(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "NO"
    if value is None:
        return ""
    return f"{value:,.4g}" if isinstance(value, float) else str(value)


if __name__ == "__main__":
    main()
