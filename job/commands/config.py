"""``lorentzian config``: every setting of a command, its value, and where that came from."""

import os

from pydantic import SecretStr
from rich.console import Console
from rich.table import Table

from job.cli import COMMANDS, settings_class
from job.command_settings import ConfigCommand
from job.errors import ExitCode, UsageError
from job.settings_catalogue import environment_names, settings_of
from job.settings_sources import LoadedSettings, load_settings


def run(loaded: LoadedSettings[ConfigCommand]) -> ExitCode:
    """Load the settings of the command that was named, as that command would, and print them."""
    name = loaded.settings.shown.command
    if name not in COMMANDS:
        raise UsageError(f"There is no command {name!r}.", remedy="`lorentzian --help` lists the commands.")
    shown = load_settings(
        settings_class(name),
        command_name=name,
        commands={each: settings_class(each) for each in COMMANDS},
        flags={},
        environment=os.environ,
        config_file=loaded.config_file,
    )
    table = Table("setting", "value", "source", "environment", title=f"lorentzian {name}", title_justify="left")
    for setting in settings_of(settings_class(name)):
        value = getattr(getattr(shown.settings, setting.group), setting.name)
        table.add_row(
            setting.key, _shown(value), shown.sources[setting.name], next(environment_names(setting, (name,)))
        )
    Console().print(table)
    return ExitCode.DONE


def _shown(value: object) -> str:
    if isinstance(value, SecretStr):
        return "********"
    if isinstance(value, tuple):
        return ",".join(map(str, value))
    return "" if value is None else str(value)
