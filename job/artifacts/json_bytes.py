"""JSON as bytes: equal content is equal bytes on the way out, and nothing is taken on trust on the way in.

Knows no record: what the fields mean is the reader's business.
"""

import json
import math
from collections.abc import Iterable, Mapping
from functools import cache
from json.encoder import encode_basestring
from typing import Any, NoReturn

from pydantic import JsonValue

from job.errors import DataError

MAX_JSON_BYTES = 50_000_000  # a run of 500 windows needs a tenth of it
MAX_JSON_DEPTH = 64
MAX_JSON_VALUES = 4_000_000  # in memory the smallest values take fifty times their bytes
_CONTAINERS = (dict, list, tuple)
_READ_CONTAINERS = frozenset({dict, list})  # what the reader makes, and nothing derived from them


def to_json_bytes(value: Mapping[str, JsonValue], *, is_compact: bool = False) -> bytes:
    """Canonical JSON: sorted keys, one space of indentation, UTF-8, floats in their shortest exact form.

    Parameters
    ----------
    is_compact : without indentation and on one line, for what is read more often than looked at.

    Raises
    ------
    ValueError
        For NaN and infinities, which JSON cannot say: store null and a reason instead.
    TypeError
        For anything that is not plain JSON, a numpy integer for instance.
    """
    text = _encoder(",", ":").encode(value) if is_compact else _indented(value, 1)
    return (text + "\n").encode()


def from_json_bytes(data: bytes, *, where: str) -> dict[str, JsonValue]:
    """Read one JSON object that anybody may have written.

    Parameters
    ----------
    where : the key or path, for the message.

    Raises
    ------
    DataError
        Too large, truncated, not JSON, not an object, nested too deep, or with a number that is not finite.
    """
    if len(data) > MAX_JSON_BYTES:
        raise _unreadable(where, f"it has {len(data):,} bytes and {MAX_JSON_BYTES:,} is the limit")
    if sum(map(data.count, (b",", b"[", b"{"))) > MAX_JSON_VALUES:
        raise _unreadable(where, f"it has more than {MAX_JSON_VALUES:,} values")
    try:
        value = json.loads(data.decode(), parse_constant=_refuse_constant, parse_float=_finite)
    except (ValueError, RecursionError) as error:
        raise _unreadable(where, "it is truncated or not JSON") from error
    if not isinstance(value, dict):
        raise _unreadable(where, "it is not a JSON object")
    if _is_deeper_than(value, MAX_JSON_DEPTH):
        raise _unreadable(where, f"it is nested deeper than {MAX_JSON_DEPTH}")
    return value


def _indented(value: Any, depth: int) -> str:
    """What ``json.dumps(value, indent=1)`` says, of a value whose children are ``depth`` spaces deep.

    The library indents in Python, five times as slow as it writes a line in C. So whatever holds no other container,
    as nearly all of a record does, is written by that, with line ends for separators.
    """
    if not isinstance(value, _CONTAINERS) or not value:
        return _encoder(",", ": ").encode(value)
    space = "\n" + " " * depth
    if not _hold_containers(value.values() if isinstance(value, dict) else value):
        text = _encoder("," + space, ": ").encode(value)
        opening, inside, closing = text[0], text[1:-1], text[-1]
    elif isinstance(value, dict):
        pairs = (f"{encode_basestring(key)}: {_indented(value[key], depth + 1)}" for key in sorted(value))
        opening, inside, closing = "{", f",{space}".join(pairs), "}"
    else:
        opening, inside, closing = "[", f",{space}".join(_indented(child, depth + 1) for child in value), "]"
    return f"{opening}{space}{inside}{space[:-1]}{closing}"


def _hold_containers(values: Iterable[object]) -> bool:
    """Whether one of these is a container; by kind, since there are few."""
    kinds = set(map(type, values))
    return any(issubclass(kind, _CONTAINERS) for kind in kinds)


@cache
def _encoder(item_separator: str, key_separator: str) -> json.JSONEncoder:
    return json.JSONEncoder(
        sort_keys=True, separators=(item_separator, key_separator), ensure_ascii=False, allow_nan=False
    )


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def _finite(text: str) -> float:
    """The number, unless it overflows: Python's reader turns 1e999 into infinity without a word."""
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"{text} is too large for a float")
    return number


def _is_deeper_than(value: JsonValue, limit: int) -> bool:
    """Whether containers nest deeper than ``limit``; level by level, so that no depth can exhaust the stack."""
    level: list[Any] = [value]
    for _ in range(limit):
        insides = (each.values() if type(each) is dict else each for each in level)
        level = [child for inside in insides for child in inside if type(child) in _READ_CONTAINERS]
        if not level:
            return False
    return True


def _unreadable(where: str, reason: str) -> DataError:
    return DataError(
        f"Cannot read {where}: {reason}.",
        remedy="Restore that object or delete it and run the command again.",
    )
