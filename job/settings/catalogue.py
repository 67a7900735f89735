"""The catalogue of settings: what each command takes, and the names that reach each setting.

Imports nothing slow, so that ``--help`` can be drawn from it.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import Enum
from types import UnionType
from typing import Any, Literal, Union, get_args, get_origin

from pydantic import SecretStr
from pydantic.fields import FieldInfo

from job.settings.commands import CommandSettings
from job.settings.group import Group

PREFIX = "LORENTZIAN_"
# Needed before, or although, settings cannot be read: no flags, only names in the environment.
ENVIRONMENT_ONLY = (f"{PREFIX}CONFIG", f"{PREFIX}TERMINATION_LOG")
TWO_MEANINGS = "test_size"  # a fraction to `train`, days to `walkforward`: its general name is refused


@dataclass(frozen=True, kw_only=True)
class Setting:
    """One setting of one command."""

    group: str
    name: str
    field: FieldInfo

    @property
    def key(self) -> str:
        """The name in a ``--config`` file, and the flag without its dashes."""
        return self.name.replace("_", "-")

    @property
    def special_environment(self) -> str | None:
        """A name that others have fixed, such as ``DATABASE_URL``."""
        return self._extra("environment")

    @property
    def has_own_name_alone(self) -> bool:
        """Whether its general name means another command's setting, so that only the one of its command is its own."""
        return self._extra("own_environment") is not None

    @property
    def positional(self) -> str | None:
        """What stands for it in the usage line, where it is no flag but an argument."""
        return self._extra("positional")

    @property
    def is_secret(self) -> bool:
        """Whether it must not be a flag, since every user of the machine can read the process list."""
        return self.field.annotation == SecretStr | None

    @property
    def num_values(self) -> str | None:
        """``+`` where it takes several words."""
        return "+" if self.field.annotation == tuple[str, ...] else None

    @property
    def metavar(self) -> str:
        """The choices, or a word for what is expected."""
        annotation = self._value_type
        if get_origin(annotation) is Literal:
            return "{" + ",".join(map(str, get_args(annotation))) + "}"
        if isinstance(annotation, type) and issubclass(annotation, Enum):
            return "{" + ",".join(str(member) for member in annotation) + "}"
        return {int: "N", float: "X"}.get(annotation, self.name.upper())

    @property
    def _value_type(self) -> Any:
        """What a value is, where one is given."""
        annotation = self.field.annotation
        if get_origin(annotation) in (Union, UnionType):  # which of them depends on what is chosen from
            (annotation,) = (each for each in get_args(annotation) if each is not type(None))
        return annotation

    def _extra(self, name: str) -> str | None:
        extra = self.field.json_schema_extra
        value = extra.get(name) if isinstance(extra, dict) else None
        return str(value) if value is not None else None


def settings_of(command: type[CommandSettings]) -> list[Setting]:
    """All settings of a command, group by group, in the order of their definition."""
    found = []
    for group, group_field in command.model_fields.items():
        group_type = group_field.annotation
        assert isinstance(group_type, type) and issubclass(group_type, Group)
        found += [Setting(group=group, name=n, field=f) for n, f in group_type.model_fields.items()]
    return found


def environment_names(setting: Setting, command_names: Iterable[str]) -> Iterator[str]:
    """The environment names of a setting, the strongest first."""
    if setting.special_environment is not None:
        yield setting.special_environment
    for command_name in command_names:
        yield f"{PREFIX}{command_name.upper()}_{setting.name.upper()}"
    if not setting.has_own_name_alone:
        yield f"{PREFIX}{setting.name.upper()}"


def usual_environment_name(setting: Setting, command_name: str) -> str:
    """The name to recommend: the shortest one that means this setting alone."""
    names = list(environment_names(setting, (command_name,)))
    return names[0] if setting.special_environment is not None or setting.name == TWO_MEANINGS else names[-1]
