"""What every group of settings is made of: frozen, closed to unknown names, and the types that flags share."""

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
VenueName = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,30}$")]
SymbolName = Annotated[str, Field(pattern=r"^[A-Z0-9]{2,30}$")]
SymbolNames = Annotated[
    str, BeforeValidator(join_commas), Field(pattern=r"^[A-Z0-9]{2,30}(,[A-Z0-9]{2,30})*$", max_length=10_000)
]
CommaSeparated = Annotated[tuple[SymbolName, ...], BeforeValidator(split_commas)]
FileNames = Annotated[tuple[str, ...], BeforeValidator(split_commas)]


class Group(BaseModel):
    """Settings of one concern: frozen, and closed to names that it does not know."""

    model_config = ConfigDict(frozen=True, extra="forbid", protected_namespaces=(), defer_build=True)


def _parts(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())
