"""``lorentzian config``: every setting of a command, its value, and where that came from."""

import os

from pydantic import SecretStr

from job.cli import COMMANDS, no_such_command, settings_class
from job.commands.results import add_texts, results_console, results_table
from job.errors import ExitCode
from job.settings.catalogue import settings_of, usual_environment_name
from job.settings.commands import ConfigCommand
from job.settings.sources import LoadedSettings, load_settings


def run(loaded: LoadedSettings[ConfigCommand]) -> ExitCode:
    """Load the settings of the command that was named, as that command would, and print them."""
    name = loaded.settings.shown.command
    if name not in COMMANDS:
        raise no_such_command(name)
    shown = load_settings(
        settings_class(name),
        command_name=name,
        commands={each: settings_class(each) for each in COMMANDS},
        flags={},
        environment=os.environ,
        config_file=loaded.config_file,
    )
    table = results_table("setting", "value", "source", "environment", title=f"lorentzian {name}")
    for setting in settings_of(settings_class(name)):
        value = getattr(getattr(shown.settings, setting.group), setting.name)
        add_texts(table, setting.key, _shown(value), shown.sources[setting.name], usual_environment_name(setting, name))
    results_console().print(table)
    return ExitCode.DONE


def _shown(value: object) -> str:
    if isinstance(value, SecretStr):
        return "********"
    if isinstance(value, tuple):
        return ",".join(map(str, value))
    return "" if value is None else str(value)
