"""A Kubernetes object as YAML text: maps, lists, texts, numbers and truth values, which is all that there is in one."""

import json
import re
from collections.abc import Iterator
from typing import TypeAlias

Value: TypeAlias = "str | int | bool | list[Value] | dict[str, Value]"

# Texts that every reader of YAML takes for texts; all others are quoted, as JSON quotes them.
_PLAIN = re.compile(r"(?:--)?[A-Za-z/][A-Za-z0-9_./=:,-]*(?<!:)")
_WORDS_OF_YAML = frozenset({"true", "false", "yes", "no", "on", "off", "y", "n", "null"})


def to_yaml(document: dict[str, Value]) -> str:
    """Write a document in blocks, in the order of its keys."""
    return "".join(f"{line}\n" for line in _block(document, indent=0))


def _block(value: Value, *, indent: int) -> Iterator[str]:
    pad = " " * indent
    if isinstance(value, dict):
        for key, child in value.items():
            if _is_block(child):
                yield f"{pad}{_scalar(key)}:"
                yield from _block(child, indent=indent + 2)
            else:
                yield f"{pad}{_scalar(key)}: {_scalar(child)}"
    elif isinstance(value, list):
        for item in value:
            first, *rest = _block(item, indent=indent + 2) if _is_block(item) else [f"{pad}  {_scalar(item)}"]
            yield f"{pad}- {first.removeprefix(f'{pad}  ')}"
            yield from rest


def _is_block(value: Value) -> bool:
    return isinstance(value, dict | list) and bool(value)


def _scalar(value: Value) -> str:
    if isinstance(value, str) and _PLAIN.fullmatch(value) and value.lower() not in _WORDS_OF_YAML:
        return value
    return json.dumps(value, ensure_ascii=False)  # an empty map or list too
