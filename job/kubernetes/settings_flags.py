"""Settings as the flags that give them again: what was said here, said to a pod."""

from collections.abc import Collection, Iterator
from enum import Enum
from typing import Any

from job.settings.catalogue import Setting, settings_of
from job.settings.commands import CommandSettings
from job.settings.sources import LoadedSettings


def flags_for(
    command: type[CommandSettings], loaded: LoadedSettings[Any], *, apart_from: Collection[str]
) -> tuple[str, ...]:
    """Flags of ``command`` for all that was set, and is not a default.

    Parameters
    ----------
    apart_from : groups of the settings that hold here and not there. Secrets are never told.
    """
    told = {
        setting.name: getattr(getattr(loaded.settings, setting.group), setting.name)
        for setting in settings_of(type(loaded.settings))
        if loaded.sources[setting.name] != "default" and setting.group not in apart_from and not setting.is_secret
    }
    return tuple(
        flag for setting in settings_of(command) if setting.name in told for flag in _flag(setting, told[setting.name])
    )


def _flag(setting: Setting, value: object) -> Iterator[str]:
    if isinstance(value, bool):
        yield f"--{'' if value else 'no-'}{setting.key}"
    elif value is not None:
        yield f"--{setting.key}={_text(value)}"


def _text(value: object) -> str:
    if isinstance(value, tuple):
        return ",".join(map(_text, value))
    return str(value.value if isinstance(value, Enum) else value)
