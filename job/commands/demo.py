"""``lorentzian demo``: the whole job on this machine, ending with a verdict that can be checked against the truth."""

import os
import shlex
import sys
from collections.abc import Sequence
from importlib.util import find_spec
from typing import NoReturn

import structlog
from rich.console import Console
from rich.text import Text

from job.commands.results import results_console
from job.data.synthetic import describe_world
from job.database import is_embedded
from job.demo import (
    WORLD_DAYS,
    WORLD_EDGE,
    WORLD_INTERVAL,
    World,
    database_of_files,
    database_of_world,
    prepare_world,
    run_files,
    run_live,
    run_world,
)
from job.errors import ConfigError, ExitCode, UsageError
from job.execution.walkforward import FinishedRun
from job.logs import is_interactive
from job.report.terminal import print_summary, print_two_worlds
from job.settings.commands import DemoCommand
from job.settings.operation import DatabaseSettings, OutputSettings
from job.settings.procedure import MarketSettings
from job.settings.sources import LoadedSettings

REAL_DATA = """\
With real data:
  lorentzian demo --live          (fresh klines from Binance)
  lorentzian demo --klines SOLUSDT-5m.csv.gz BTCUSDT-5m.csv.gz ETHUSDT-5m.csv.gz"""


def run(loaded: LoadedSettings[DemoCommand]) -> ExitCode:
    """Run what was asked for, and print what it found."""
    settings = loaded.settings
    if settings.demo.klines and settings.demo.live:
        raise UsageError("The demo runs on files or on fresh klines.", remedy="Give --klines or --live, not both.")
    _refuse_ignored(loaded)
    if settings.demo.prepare and (settings.demo.klines or settings.demo.live):
        raise UsageError(
            "Only the synthetic worlds are prepared.", remedy="Use `lorentzian import` or `lorentzian collect` instead."
        )
    if settings.demo.serve:
        _check_servable(settings)
    if settings.demo.prepare:
        return _prepare_worlds(settings)
    if settings.demo.klines:
        finished = [run_files(settings, is_symbol_given=loaded.sources["symbol"] != "default")]
    elif settings.demo.live:
        finished = [run_live(settings)]
    else:
        finished = _run_worlds(settings)
    _print(finished)
    if settings.demo.klines:
        _tell_of_database(settings, finished[0])
    elif not settings.demo.live and is_embedded(settings.database):
        databases = " and ".join(database_of_world(settings, world).embedded_database for world in _worlds(settings))
        print(f"To other commands --embedded-database names where the bars lie: {databases}.\n")
    if not settings.demo.live:
        print(REAL_DATA)
    if settings.demo.serve:
        _become_dashboard(settings)
    return ExitCode.DONE


def dashboard_command(settings: DemoCommand, started_as: Sequence[str]) -> list[str]:
    """The command that shows what the demo has written.

    Parameters
    ----------
    started_as : the words that started this process, up to the command's name.
    """
    flags = ["--save-path", settings.demo.save_path, "--log-format", settings.output.log_format]
    flags += ["--quiet"] if settings.output.quiet else []
    return [*started_as, "dashboard", *flags]


def _refuse_ignored(loaded: LoadedSettings[DemoCommand]) -> None:
    """Whoever names a market on the command line must not take another one's result for it."""
    demo = loaded.settings.demo
    if demo.live:
        return
    of_files = ("interval", "context")  # are those of the files
    ignored = [f"--{n}" for n in (of_files if demo.klines else MarketSettings.model_fields) if _is_typed(loaded, n)]
    if ignored:
        raise UsageError(
            f"{' and '.join(ignored)} would change nothing: "
            f"{'the files say what they hold' if demo.klines else 'the synthetic worlds are markets of their own'}.",
            remedy="Leave it out." if demo.klines else "Leave it out, or name real data with --live or --klines.",
        )


def _is_typed(loaded: LoadedSettings[DemoCommand], name: str) -> bool:
    return loaded.sources.get(name, "").startswith("--")


def _check_servable(settings: DemoCommand) -> None:
    """Refuse before the work what would be impossible after it."""
    if settings.demo.prepare:
        raise UsageError("Nothing runs with --prepare, so there is nothing to serve.", remedy="Leave one of them out.")
    if find_spec("dash") is None:
        raise ConfigError(
            "`lorentzian demo --serve` needs the package 'dash', which is not installed.",
            remedy="Run `pip install 'lorentzian-trainer[local]'`.",
        )


def _become_dashboard(settings: DemoCommand) -> NoReturn:
    """Go on as the dashboard: in the same process, so that signals find it, but without what training has loaded."""
    started_as = sys.orig_argv[: len(sys.orig_argv) - len(sys.argv) + 1]
    command = dashboard_command(settings, [sys.executable, *started_as[1:]])
    print(f"\nThe dashboard over these results: lorentzian {' '.join(command[len(started_as) :])}", flush=True)
    sys.stderr.flush()
    os.execv(command[0], command)


def _tell_of_database(settings: DemoCommand, finished: FinishedRun) -> None:
    database = database_of_files(settings)
    command = f"lorentzian predict --model {finished.run_id}{_database_flag(database)}"
    where = (
        f"These files lie in a database of their own, {database.embedded_database}. " if is_embedded(database) else ""
    )
    print(
        f"{where}What the model says of their newest bar:\n"
        f"  {command} --save-path {shlex.quote(settings.demo.save_path)}\n"
    )


def _database_flag(database: DatabaseSettings) -> str:
    return f" --embedded-database {database.embedded_database}" if is_embedded(database) else ""


def _prepare_worlds(settings: DemoCommand) -> ExitCode:
    for world in _worlds(settings):
        market = prepare_world(settings, world)
        print(
            f"The {world} world is in the database. Next:\n"
            f"  lorentzian walkforward{market.flags}{_database_flag(database_of_world(settings, world))}"
        )
    return ExitCode.DONE


def _worlds(settings: DemoCommand) -> tuple[World, ...]:
    return ("edge", "noise") if settings.demo.world == "both" else (settings.demo.world,)


def _run_worlds(settings: DemoCommand) -> list[FinishedRun]:
    worlds = _worlds(settings)
    planted = {world: describe_world(world, interval=WORLD_INTERVAL, edge=WORLD_EDGE).sentence for world in worlds}
    _announce(planted, settings.output)
    return [run_world(settings, world) for world in worlds]


def _announce(planted: dict[World, str], output: OutputSettings) -> None:
    """What is going to happen: lines for a person, an event for a log."""
    if not is_interactive() or output.log_format == "json":
        for world, sentence in planted.items():
            structlog.get_logger().info("world_described", world=world, planted=sentence)
        return
    if output.quiet:
        return
    console = Console(stderr=True, highlight=False)
    each = "each of two synthetic worlds" if len(planted) > 1 else "a synthetic world"
    console.print(
        f"The whole job on {each}: {WORLD_DAYS} days of {WORLD_INTERVAL} bars, a walk-forward of 21 windows "
        f"(30 days of training, 7 of test), and a verdict. About a minute a world on two cores."
    )
    for world, sentence in planted.items():
        console.print(Text.assemble(("  " + world, "bold"), f": {sentence}"))
    console.print()


def _print(finished: list[FinishedRun]) -> None:
    console = results_console()
    if len(finished) == 1:
        print_summary(finished[0].summary, console, report=finished[0].report)
    else:
        print_two_worlds(finished[0].summary, finished[1].summary, console)
        for each in finished:
            console.print(Text(f"Report: {each.report}"), soft_wrap=True)
    console.print()
