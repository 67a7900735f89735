"""The command line: a table of commands, and a parser made from their settings.

The table is plain text so that ``lorentzian --help`` answers at once; settings, and whatever a command needs,
are imported when that command is named.
"""

import argparse
import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any, NoReturn

from job.errors import UsageError

if TYPE_CHECKING:
    from job.settings.catalogue import Setting
    from job.settings.commands import CommandSettings


@dataclass(frozen=True, kw_only=True)
class Command:
    """A word of the command line, what it does, and the names of its module and settings."""

    summary: str
    module: str
    settings: str
    example: str


COMMANDS: Mapping[str, Command] = {
    "demo": Command(
        summary="the whole job on this machine, nothing to set up: a world with an edge, and one without",
        module="demo",
        settings="DemoCommand",
        example="lorentzian demo --klines SOLUSDT-5m.csv.gz BTCUSDT-5m.csv.gz ETHUSDT-5m.csv.gz",
    ),
    "migrate": Command(
        summary="create or update the database schema",
        module="migrate",
        settings="MigrateCommand",
        example="DATABASE_URL=postgresql://user@host/database lorentzian migrate",
    ),
    "collect": Command(
        summary="fetch klines from Binance: public archive for history, API for the rest",
        module="collect",
        settings="CollectCommand",
        example="lorentzian collect --symbol SOLUSDT --interval 5m --days 200",
    ),
    "import": Command(
        summary="read klines from CSV, CSV.gz or archive zips",
        module="import_files",
        settings="ImportCommand",
        example="lorentzian import SOLUSDT-5m-2025-07.zip BTCUSDT-5m.csv.gz",
    ),
    "features": Command(
        summary="compute feature rows from klines; only what is new",
        module="features",
        settings="FeatureRowsCommand",
        example="lorentzian features --symbol SOLUSDT --interval 5m --context BTCUSDT,ETHUSDT",
    ),
    "train": Command(
        summary="basic training on one fixed split",
        module="train",
        settings="TrainCommand",
        example="lorentzian train --data-days 90 --epochs 50",
    ),
    "walkforward": Command(
        summary="train and test window after window on this machine",
        module="walkforward",
        settings="WalkforwardsCommand",
        example="lorentzian walkforward --data-days 180 --window-size 30 --test-size 7",
    ),
    "window": Command(
        summary="one window of a walk-forward: what the pods of an Indexed Job run",
        module="window",
        settings="WindowCommand",
        example="lorentzian window --index 3 --save-path s3://bucket/prefix",
    ),
    "finalize": Command(
        summary="stitch the windows of a run, judge them, refit, and write the report",
        module="finalize",
        settings="FinalizeCommand",
        example="lorentzian finalize --all --save-path s3://bucket/prefix",
    ),
    "plan": Command(
        summary="show the windows that these settings cut, or the Kubernetes Job that runs them, without training",
        module="plan",
        settings="ShownPlanCommand",
        example="lorentzian plan --data-days 730 --manifest",
    ),
    "status": Command(
        summary="how far the windows of a run are",
        module="status",
        settings="StatusCommand",
        example="lorentzian status --run-id demo-edge --save-path models/demo",
    ),
    "report": Command(
        summary="what a finished run found: the verdict, and all that stands beside it",
        module="report",
        settings="ReportCommand",
        example="lorentzian report demo-edge --save-path models/demo --require evidence",
    ),
    "compare": Command(
        summary="two runs over the same windows, side by side, with paired differences",
        module="compare",
        settings="CompareCommand",
        example="lorentzian compare first-run second-run",
    ),
    "prune": Command(
        summary="delete old runs, and feature rows that nothing will read; never the ledger",
        module="prune",
        settings="PruneCommand",
        example="lorentzian prune --keep-last 20 --keep-promoted --dry-run",
    ),
    "promote": Command(
        summary="put a finished run's final model in use for its market, or go back to an earlier one",
        module="promote",
        settings="PromoteCommand",
        example="lorentzian promote demo-edge --save-path models/demo --why 'stands out of luck'",
    ),
    "predict": Command(
        summary="what the model in use says of the newest closed bar, and why; it never places an order",
        module="predict",
        settings="PredictCommand",
        example="lorentzian predict --symbol SOLUSDT --interval 5m --follow",
    ),
    "export": Command(
        summary="a model as a file that torch alone reads, for programs without this package",
        module="export",
        settings="ExportCommand",
        example="lorentzian export --model demo-edge --save-path models/demo --format pt2",
    ),
    "dashboard": Command(
        summary="look at runs in a browser",
        module="dashboard",
        settings="DashboardCommand",
        example="lorentzian dashboard --save-path models/demo",
    ),
    "audit": Command(
        summary="checks of honesty on your own data and settings: pass, fail or not run, with the numbers",
        module="audit",
        settings="AuditCommand",
        example="lorentzian audit --data-days 180 --deep",
    ),
    "doctor": Command(
        summary="check database, store and device, and say what is missing",
        module="doctor",
        settings="DoctorCommand",
        example="lorentzian doctor --save-path s3://bucket/prefix",
    ),
    "config": Command(
        summary="every setting of a command, its value, and where that came from",
        module="config",
        settings="ConfigCommand",
        example="lorentzian config walkforward",
    ),
}

OVERVIEW = """\
Train a Lorentzian classifier on crypto klines, window after window, and hear honestly whether
there is anything there. Start with `lorentzian demo`.
"""


@dataclass(frozen=True, kw_only=True)
class CommandLine:
    """What the user typed: the command, the flags that were given, and the rest."""

    name: str
    flags: Mapping[str, Any]
    config_file: str | None


class Parser(argparse.ArgumentParser):
    """argparse that raises `UsageError` and suggests the nearest flag."""

    def error(self, message: str) -> NoReturn:
        """Raise instead of leaving with argparse's own exit code 2."""
        raise UsageError(f"{self.prog}: {message}.", remedy=f"`{self.prog} --help` lists what there is.")


def settings_class(command_name: str) -> "type[CommandSettings]":
    """The settings class of a command, imported now."""
    found: type[CommandSettings] = getattr(import_module("job.settings.commands"), COMMANDS[command_name].settings)
    return found


def parse(arguments: Sequence[str]) -> CommandLine:
    """Read the command line.

    Raises
    ------
    UsageError
        For a command or flag that does not exist.
    SystemExit
        With 0, after ``--help``, ``--version`` or ``--licenses``.
    """
    if len(arguments) > 1 and arguments[0] == "help":
        arguments = (arguments[1], "--help")
    if not arguments or arguments[0] in ("-h", "--help", "help"):
        print(_overview())
        raise SystemExit(0)
    if arguments[0] == "--version":
        from importlib.metadata import version  # a tenth of the time that help may take

        print(f"lorentzian {version('lorentzian-trainer')}")
        raise SystemExit(0)
    if arguments[0] == "--licenses":
        from job.licenses import licenses_text

        print(licenses_text())
        raise SystemExit(0)
    name, *rest = arguments
    if name not in COMMANDS:
        raise no_such_command(name)
    parser, names = _build_parser(name)
    known, unknown = parser.parse_known_args(rest)
    if unknown:
        flag = unknown[0].split("=")[0]  # what follows may be a password
        near = difflib.get_close_matches(flag, parser._option_string_actions, n=1)
        hint = f"Did you mean {near[0]}?" if near else f"`lorentzian {name} --help` lists its flags."
        raise UsageError(f"lorentzian {name} knows no {flag!r}.", remedy=hint)
    values = vars(known)
    config_file = values.pop("config")
    return CommandLine(name=name, flags={n: v for n, v in values.items() if n in names}, config_file=config_file)


def no_such_command(name: str) -> UsageError:
    """The error for a word that is no command, with the nearest one that is."""
    near = difflib.get_close_matches(name, COMMANDS, n=1)
    hint = f"Did you mean `lorentzian {near[0]}`?" if near else "`lorentzian --help` lists the commands."
    return UsageError(f"There is no command {name!r}.", remedy=hint)


def _overview() -> str:
    width = max(map(len, COMMANDS)) + 2
    lines = [f"  {name:<{width}}{command.summary}" for name, command in COMMANDS.items()]
    return "\n".join(
        [
            "usage: lorentzian COMMAND [FLAGS]",
            "",
            OVERVIEW,
            "commands:",
            *lines,
            "",
            "`lorentzian COMMAND --help` shows the flags of a command. Every flag has an environment name too:",
            "--data-days is LORENTZIAN_DATA_DAYS, or LORENTZIAN_WALKFORWARD_DATA_DAYS for one command alone.",
            "",
            "Klines are read from the Postgres of DATABASE_URL, and results written to --save-path: a folder, or",
            "s3://bucket/prefix with the usual AWS_ names. `lorentzian doctor` tries both, and the GPU.",
            "`lorentzian --licenses` lists whose work is installed with it.",
        ]
    )


def _build_parser(name: str) -> tuple[Parser, set[str]]:
    from job.settings.catalogue import settings_of

    command = COMMANDS[name]
    parser = Parser(
        prog=f"lorentzian {name}",
        description=f"{command.summary[0].upper()}{command.summary[1:]}.",
        epilog=f"example:\n  {command.example}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        argument_default=argparse.SUPPRESS,
        allow_abbrev=False,
    )
    settings = [setting for setting in settings_of(settings_class(name)) if not setting.is_secret]
    groups: dict[str, Any] = {}
    for setting in settings:
        group = groups.setdefault(setting.group, parser.add_argument_group(setting.group))
        _add_flag(group, setting)
    parser.add_argument("--config", default=None, metavar="FILE.toml", help="settings file, TOML")
    return parser, {setting.name for setting in settings}


def _add_flag(group: Any, setting: "Setting") -> None:
    default = setting.field.default
    shown = "on" if default is True else ",".join(default) if isinstance(default, tuple) else default
    is_shown = shown is not None and shown is not False and shown != ""
    help_text = f"{setting.field.description}{f' [{shown}]' if is_shown else ''}".replace("%", "%%")
    if setting.positional is not None:
        group.add_argument(setting.name, nargs=setting.num_values or "?", metavar=setting.positional, help=help_text)
    elif isinstance(default, bool):
        group.add_argument(f"--{setting.key}", action=argparse.BooleanOptionalAction, help=help_text)
    else:
        group.add_argument(
            f"--{setting.key}",
            dest=setting.name,
            nargs=setting.num_values,
            metavar=setting.metavar,
            help=help_text,
        )
