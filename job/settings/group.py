"""What every group of settings is made of: frozen, closed to unknown names, and the types that flags share."""

from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field


def split_commas(value: object) -> object:
    """The parts of a text that lists them; anything else unchanged."""
    if isinstance(value, str):
        return tuple(part.strip() for part in value.split(",") if part.strip())
    return value


VenueName = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,30}$")]
SymbolName = Annotated[str, Field(pattern=r"^[A-Z0-9]{2,30}$")]
CommaSeparated = Annotated[tuple[SymbolName, ...], BeforeValidator(split_commas)]
FileNames = Annotated[tuple[str, ...], BeforeValidator(split_commas)]


class Group(BaseModel):
    """Settings of one concern: frozen, and closed to names that it does not know."""

    model_config = ConfigDict(frozen=True, extra="forbid", protected_namespaces=(), defer_build=True)
