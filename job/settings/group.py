"""What every group of settings is made of: frozen, closed to unknown names, and the types that flags share."""

import shlex
from collections.abc import Collection
from typing import Annotated

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field
from pydantic_core import PydanticCustomError


def split_commas(value: object) -> object:
    """The parts of a text that lists them; anything else unchanged."""
    return _parts(value) if isinstance(value, str) else value


def join_commas(value: object) -> object:
    """A text that lists parts, without the blanks and empty parts between them; anything else unchanged."""
    return ",".join(_parts(value)) if isinstance(value, str) else value


CREDENTIALS = "credentials"  # the kind of fault whose value is not shown


def _without_credentials(value: str) -> str:
    if "@" in value:
        raise PydanticCustomError(CREDENTIALS, "holds a user or a password, and addresses are logged and shown")
    return value


Address = Annotated[str, AfterValidator(_without_credentials)]
VENUE = r"^[a-z0-9][a-z0-9-]{0,30}$"
SYMBOL = r"^[A-Z0-9]{2,30}$"
SYMBOLS = r"^[A-Z0-9]{2,30}(,[A-Z0-9]{2,30})*$"
RUN = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$"
DATABASE = r"^[a-z][a-z0-9_]{0,62}$"
URL_PREFIX = r"^/([A-Za-z0-9._~-]+/)*$"
# Said of what a pattern refuses; names that users type should not ask them to read a pattern.
NOT_WRITTEN_LIKE = {
    VENUE: "is not written like binance-perp: small letters, digits and hyphens, at most 31",
    SYMBOL: "is not written like SOLUSDT: 2 to 30 capital letters and digits, nothing else",
    SYMBOLS: "is not written like SOLUSDT or SOLUSDT,ETHUSDT: capital letters and digits, and commas between symbols",
    RUN: "is not written like my-run-1: letters, digits, dots, hyphens and underscores, at most 63, no mark first",
    DATABASE: "is not written like binance: small letters, digits and underscores, at most 63, a letter first",
    URL_PREFIX: "is not written like /lorentzian/: it begins and ends with a slash",
}
VenueName = Annotated[str, Field(pattern=VENUE)]
SymbolName = Annotated[str, Field(pattern=SYMBOL)]
SymbolNames = Annotated[str, BeforeValidator(join_commas), Field(pattern=SYMBOLS, max_length=10_000)]
CommaSeparated = Annotated[tuple[SymbolName, ...], BeforeValidator(split_commas)]
FileNames = Annotated[tuple[str, ...], BeforeValidator(split_commas)]


def flags_of(group: "Group", *, apart_from: Collection[str] = ()) -> str:
    """What a command line must say to give a group again: a blank, and the flag of each value that is no default."""
    fields = ((name, field.default, getattr(group, name)) for name, field in type(group).model_fields.items())
    told = ((name, value) for name, default, value in fields if value != default and name not in apart_from)
    return "".join(f" {_flag(name.replace('_', '-'), value)}" for name, value in told)


def _flag(key: str, value: object) -> str:
    if isinstance(value, bool):
        return f"--{'' if value else 'no-'}{key}"
    text = ",".join(map(str, value)) if isinstance(value, tuple) else str(value)
    return f"--{key} {shlex.quote(text)}"


class Group(BaseModel):
    """Settings of one concern: frozen, and closed to names that it does not know."""

    model_config = ConfigDict(frozen=True, extra="forbid", protected_namespaces=(), defer_build=True)


def _parts(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())
