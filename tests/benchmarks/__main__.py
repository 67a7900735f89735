"""Runs one benchmark: a module of this package.

Its ``measure()`` returns its figures by name; one with arguments of its own has ``add_arguments()`` and ``run()``.
"""

import argparse
import contextlib
import importlib
import json
import os
import pkgutil
import platform
import sys

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
    if hasattr(module, "run"):
        module.add_arguments(own)
        module.run(own.parse_args(rest))
        return
    own.add_argument("--json", action="store_true", help="one JSON object instead of lines")
    arguments = own.parse_args(rest)
    with contextlib.redirect_stdout(sys.stderr):  # some peers chat
        figures = module.measure()
    if arguments.json:
        print(json.dumps({"benchmark": chosen.name, **figures, "machine": describe_machine()}))
        return
    for name, value in {**figures, **describe_machine()}.items():
        print(f"{name:36} {value:,.3f}" if isinstance(value, float) else f"{name:36} {value}")


if __name__ == "__main__":
    main()
