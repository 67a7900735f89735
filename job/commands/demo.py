"""``lorentzian demo``: the whole job on this machine, ending with a verdict that can be checked against the truth."""

from typing import Literal

from rich.console import Console

from job.command_settings import DemoCommand
from job.demo import run_files, run_live, run_world
from job.errors import ExitCode
from job.report.terminal import print_summary, print_two_worlds
from job.settings_sources import LoadedSettings

REAL_DATA = """\
With real data:
  lorentzian demo --live                                    fresh klines from Binance
  lorentzian demo --klines SOLUSDT-5m.csv.gz BTCUSDT-5m.csv.gz ETHUSDT-5m.csv.gz"""


def run(loaded: LoadedSettings[DemoCommand]) -> ExitCode:
    """Run what was asked for, and print what it found."""
    settings, console = loaded.settings, Console()
    if settings.demo.klines or settings.demo.live:
        is_symbol_given = loaded.sources["symbol"] != "default"
        finished = [
            run_files(settings, is_symbol_given=is_symbol_given) if settings.demo.klines else run_live(settings)
        ]
    else:
        worlds: tuple[Literal["edge", "noise"], ...] = (
            ("edge", "noise") if settings.demo.world == "both" else (settings.demo.world,)
        )
        finished = [run_world(settings, world) for world in worlds]
    for each in finished:
        print_summary(each.summary, console, report=each.report)
    if len(finished) > 1:
        print_two_worlds(finished[0].summary, finished[1].summary, console)
    if not settings.demo.live:
        console.print(REAL_DATA, highlight=False, soft_wrap=True)
    return ExitCode.DONE
