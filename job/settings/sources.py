"""From flags, environment, file and defaults to one frozen settings object, with the source of each value.

Order: flag, ``LORENTZIAN_<COMMAND>_<NAME>``, ``LORENTZIAN_<NAME>``, ``--config`` file, default. A name that
no command knows, a general name that means two things, and a bad value are refused, with the nearest right name.
"""

import difflib
import re
import reprlib
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

from pydantic import ValidationError
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from job.errors import ConfigError
from job.settings.catalogue import ENVIRONMENT_ONLY, PREFIX, TWO_MEANINGS, Setting, environment_names, settings_of
from job.settings.commands import CommandSettings, PlanCommand
from job.settings.group import CREDENTIALS, NOT_WRITTEN_LIKE

# What Kubernetes injects for a Service named like our prefix; none of it is a setting.
SERVICE_LINK = re.compile(r"_SERVICE_HOST$|_SERVICE_PORT(_.*)?$|_PORT_\d+_[A-Z]+(_.*)?$")

MAX_FILE_BYTES = 1 << 16
MAX_LINE_BYTES = 1 << 12  # the reader of TOML takes the square of the parts of a dotted key in memory

SettingsT = TypeVar("SettingsT", bound=CommandSettings)


@dataclass(frozen=True, kw_only=True)
class LoadedSettings(Generic[SettingsT]):
    """The settings of a command, and for each name where its value came from."""

    settings: SettingsT
    sources: Mapping[str, str]
    config_file: str | None = None


class FlatSource(PydanticBaseSettingsSource):
    """Values by setting name from one place, put into their groups."""

    def __init__(self, settings_cls: type[BaseSettings], values: Mapping[str, dict[str, Any]]) -> None:
        super().__init__(settings_cls)
        self._values = values

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:
        """One group's values."""
        return self._values.get(field_name), field_name, False

    def __call__(self) -> dict[str, Any]:
        """All groups' values."""
        return dict(self._values)


def load_settings(
    command: type[SettingsT],
    *,
    command_name: str,
    commands: Mapping[str, type[CommandSettings]],
    flags: Mapping[str, Any],
    environment: Mapping[str, str],
    config_file: str | None,
) -> LoadedSettings[SettingsT]:
    """Read the settings of one command from all places.

    Parameters
    ----------
    command, command_name : the settings class, and the word on the command line.
    commands : every command's settings class; names of any of them are known names.
    flags : flag values by setting name, only those that were given.
    environment : usually ``os.environ``.
    config_file : path of a TOML file, or None.

    Raises
    ------
    ConfigError
        For an unknown or ambiguous name, or a value that does not fit.
    """
    settings = settings_of(command)
    _refuse_unknown(environment, commands)
    _refuse_ambiguous(environment, settings)
    places = [
        {s.name: (flags[s.name], f"--{s.key}") for s in settings if s.name in flags},
        _from_environment(settings, _prefixes(command_name, command), environment),
        _from_file(settings, _prefixes(command_name, command), commands, config_file) if config_file else {},
    ]
    sources = {s.name: next((p[s.name][1] for p in places if s.name in p), "default") for s in settings}

    class Loader(BaseSettings):
        model_config = SettingsConfigDict(frozen=True, extra="forbid")

        @classmethod
        def settings_customise_sources(
            cls,
            settings_cls: type[BaseSettings],
            init_settings: PydanticBaseSettingsSource,
            env_settings: PydanticBaseSettingsSource,
            dotenv_settings: PydanticBaseSettingsSource,
            file_secret_settings: PydanticBaseSettingsSource,
        ) -> tuple[PydanticBaseSettingsSource, ...]:
            return tuple(FlatSource(settings_cls, _grouped(place, settings)) for place in places)

    loader = type(command.__name__, (Loader, command), {"__module__": command.__module__})
    try:
        groups = dict(loader())
    except ValidationError as error:
        raise _config_error(error, command_name, settings, sources) from None
    return LoadedSettings(settings=command(**groups), sources=sources, config_file=config_file)


def _prefixes(command_name: str, command: type[CommandSettings]) -> tuple[str, ...]:
    # A window is a part of a walk-forward: what was said for the whole holds for each part.
    walkforward = ("walkforward",) if issubclass(command, PlanCommand) else ()
    return tuple(dict.fromkeys((command_name, *walkforward)))


def _grouped(place: Mapping[str, tuple[Any, str]], settings: list[Setting]) -> dict[str, dict[str, Any]]:
    values: dict[str, dict[str, Any]] = {}
    for setting in settings:
        if setting.name in place:
            values.setdefault(setting.group, {})[setting.name] = place[setting.name][0]
    return values


def _from_environment(
    settings: list[Setting], command_names: tuple[str, ...], environment: Mapping[str, str]
) -> dict[str, tuple[Any, str]]:
    found = {}
    for setting in settings:
        for name in environment_names(setting, command_names):
            is_set = name in environment and not _is_injected(name, environment[name])
            if is_set and setting.name not in found:
                found[setting.name] = (environment[name], name)
    return found


def _from_file(
    settings: list[Setting], command_names: tuple[str, ...], commands: Mapping[str, type[CommandSettings]], path: str
) -> dict[str, tuple[Any, str]]:
    content = _read_toml(path)
    # A table is a command's section; `features` is a setting too, and then it is text.
    sections = {key: value for key, value in content.items() if key in commands and isinstance(value, dict)}
    values = {key: value for key, value in content.items() if key not in sections}
    own = {command_name: {s.key for s in settings_of(command)} for command_name, command in commands.items()}
    _refuse_unknown_keys(values, set().union(*own.values()), path)
    for command_name, section in sections.items():
        _refuse_unknown_keys(section, own[command_name], f"{path} [{command_name}]")
    of_command: dict[str, Any] = {}
    for command_name in reversed(command_names):
        of_command |= sections.get(command_name, {})
    found = {s.name: (of_command if s.has_own_name_alone else values | of_command).get(s.key) for s in settings}
    keys = {setting.name: setting.key for setting in settings}
    return {name: (value, f"{keys[name]} in {path}") for name, value in found.items() if value is not None}


def _read_toml(path: str) -> dict[str, Any]:
    try:
        with Path(path).open("rb") as file:
            data = file.read(MAX_FILE_BYTES + 1)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is no path"
        raise ConfigError(f"The settings file {path} cannot be read: {reason}.", remedy="Check --config.") from error
    if len(data) > MAX_FILE_BYTES or max(map(len, data.split(b"\n"))) > MAX_LINE_BYTES:
        raise ConfigError(
            f"The settings file {path} has more than {MAX_FILE_BYTES:,} bytes, or {MAX_LINE_BYTES:,} in one line.",
            remedy="Check --config: a file of settings is smaller.",
        )
    try:
        content = tomllib.loads(data.decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:  # what is no TOML, no UTF-8, too long a number, or too deep
        raise ConfigError(f"The settings file {path} is not TOML: {error}.", remedy="Correct it.") from error
    if b"\\u0000" in data or b"\\U00000000" in data:
        raise ConfigError(f"The settings file {path} holds a NUL character.", remedy="Correct it.")
    return content


def _refuse_unknown_keys(keys: Iterable[str], known: Iterable[str], where: str) -> None:
    for key in keys:
        if key not in known:
            raise ConfigError(f"{where}: unknown setting {key!r}.", remedy=_nearest(key, known))


def _refuse_unknown(environment: Mapping[str, str], commands: Mapping[str, type[CommandSettings]]) -> None:
    known = {
        name
        for command_name, command in commands.items()
        for setting in settings_of(command)
        for name in environment_names(setting, (command_name,))
    }
    known.update(ENVIRONMENT_ONLY)
    for name, value in environment.items():
        if name.startswith(PREFIX) and name not in known and not _is_injected(name, value):
            raise ConfigError(f"The environment sets {name}, which is no setting.", remedy=_nearest(name, known))


def _is_injected(name: str, value: str) -> bool:
    """Whether Kubernetes wrote it: a Service called lorentzian-dashboard sets the name of that command's port."""
    return bool(SERVICE_LINK.search(name)) or (name.endswith("_PORT") and value.startswith("tcp://"))


def _refuse_ambiguous(environment: Mapping[str, str], settings: list[Setting]) -> None:
    general = f"{PREFIX}{TWO_MEANINGS.upper()}"
    if general in environment and any(setting.name == TWO_MEANINGS for setting in settings):
        raise ConfigError(
            f"{general} means a fraction to `train` and days to `walkforward`.",
            remedy=f"Set {PREFIX}TRAIN_TEST_SIZE or {PREFIX}WALKFORWARD_TEST_SIZE instead.",
        )


def _nearest(name: str, known: Iterable[str]) -> str:
    near = difflib.get_close_matches(name, sorted(known), n=1, cutoff=0.6)
    return f"Did you mean {near[0]}?" if near else "`lorentzian config` lists every setting."


# What pydantic's kinds of fault mean to somebody who typed the value; `{}` holds the limits it names.
_REASONS = {
    "int_parsing": "is not a whole number",
    "int_type": "is not a whole number",
    "int_from_float": "is not a whole number",
    "float_parsing": "is not a number",
    "float_type": "is not a number",
    "int_parsing_size": "is too large a number",
    "string_type": "is not text",
    "string_unicode": "is not text in UTF-8",
    "bool_parsing": "is not true or false",
    "bool_type": "is not true or false",
    "greater_than": "is not above {gt}",
    "greater_than_equal": "is not at least {ge}",
    "less_than": "is not below {lt}",
    "less_than_equal": "is not at most {le}",
    "literal_error": "is not one of {expected}",
    "enum": "is not one of {expected}",
    "string_too_short": "is too short",
    "string_pattern_mismatch": "does not match {pattern}",
}


def _config_error(
    error: ValidationError, command_name: str, settings: list[Setting], sources: Mapping[str, str]
) -> ConfigError:
    """The first fault in words; never the value of a secret, which pydantic's own text would show."""
    fault = error.errors(include_url=False)[0]
    name = str(fault["loc"][1]) if len(fault["loc"]) > 1 else str(fault["loc"][0])
    reason = _reason(fault["type"], fault["msg"], fault.get("ctx", {}))
    is_shown = any(setting.name == name and not setting.is_secret for setting in settings)
    shows_value = is_shown and fault["type"] != CREDENTIALS
    value = f"{reprlib.repr(fault['input'])} " if shows_value else ""
    return ConfigError(
        f"{sources.get(name, name)}: {value}{reason}.",
        remedy=f"`lorentzian {command_name} --help` says what it takes.",
    )


def _reason(kind: str, message: str, limits: Mapping[str, Any]) -> str:
    if limits.get("pattern") in NOT_WRITTEN_LIKE:
        return NOT_WRITTEN_LIKE[limits["pattern"]]
    return _REASONS.get(kind, message.removeprefix("Value error, ")).format(**limits)
