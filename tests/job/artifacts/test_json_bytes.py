"""Equal content is equal bytes, and whatever bytes come in, only a plain object or our error comes out."""

import json
import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from job.artifacts import json_bytes
from job.artifacts.json_bytes import MAX_JSON_DEPTH, from_json_bytes, to_json_bytes
from job.errors import DataError

SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
)
OBJECTS = st.dictionaries(
    st.text(st.characters(exclude_categories=["Cs"]), max_size=5),
    st.recursive(
        SCALARS,
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("ab", max_size=2), inner, max_size=3),
        max_leaves=8,
    ),
    max_size=4,
)


@settings(max_examples=60, deadline=None)
@given(OBJECTS)
def test_what_is_written_is_read(value: dict[str, object]) -> None:
    """Exactly, floats to the last bit; and the order of the keys leaves no trace."""
    data = to_json_bytes(value)  # type: ignore[arg-type]
    assert from_json_bytes(data, where="x") == value
    assert to_json_bytes(dict(reversed(value.items()))) == data  # type: ignore[arg-type]


@settings(max_examples=60, deadline=None)
@given(OBJECTS)
def test_the_form_is_the_librarys(value: dict[str, object]) -> None:
    """Byte for byte what Python's own writer says with one space of indentation, which takes five times as long."""
    expected = json.dumps(value, sort_keys=True, indent=1, ensure_ascii=False) + "\n"
    assert to_json_bytes(value) == expected.encode()  # type: ignore[arg-type]


def test_the_form_is_fixed() -> None:
    """Known bytes: sorted, one space deep, shortest floats, UTF-8, one newline at the end."""
    value = {"b": [0.1, 1e-5, 1], "a": {"ü": None}}
    assert to_json_bytes(value) == ('{\n "a": {\n  "ü": null\n },\n "b": [\n  0.1,\n  1e-05,\n  1\n ]\n}\n'.encode())
    assert to_json_bytes(value, is_compact=True) == '{"a":{"ü":null},"b":[0.1,1e-05,1]}\n'.encode()


@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf])
def test_a_number_that_json_cannot_say_is_refused(number: float) -> None:
    """Undefined metrics are null with a reason, and never reach this point."""
    with pytest.raises(ValueError, match="JSON"):
        to_json_bytes({"sharpe_ratio": number})


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "truncated or not JSON"),
        (b'{"a": 1', "truncated or not JSON"),
        (b"<html>", "truncated or not JSON"),
        (b"\xff\xfe", "truncated or not JSON"),
        (b'{"a": NaN}', "truncated or not JSON"),
        (b'{"a": -Infinity}', "truncated or not JSON"),
        (b'{"a": 1e999}', "truncated or not JSON"),
        (b'{"a": ' + b"9" * 5000 + b"}", "truncated or not JSON"),
        (b"[1]", "not a JSON object"),
        (b"null", "not a JSON object"),
        (b'{"a":' + b"[" * 64 + b"]" * 64 + b"}", "nested deeper than 64"),
        (b'{"a":' + b"[" * 100_000 + b"]" * 100_000 + b"}", "JSON|nested"),
    ],
    ids=lambda value: repr(value)[:24],
)
def test_foreign_bytes_are_our_error(data: bytes, reason: str) -> None:
    """One sentence with the object's name and the reason."""
    with pytest.raises(DataError, match=reason) as caught:
        from_json_bytes(data, where="runs/a/plan.json")
    assert "runs/a/plan.json" in caught.value.message
    assert caught.value.remedy


def test_the_deepest_object_allowed_is_read() -> None:
    """The limit itself is fine."""
    depth = MAX_JSON_DEPTH - 1
    data = b'{"a":' + b"[" * depth + b"]" * depth + b"}"
    assert "a" in from_json_bytes(data, where="x")


def test_too_many_bytes_are_refused_unread(monkeypatch: pytest.MonkeyPatch) -> None:
    """The limit holds before anything is parsed."""
    monkeypatch.setattr(json_bytes, "MAX_JSON_BYTES", 10)
    with pytest.raises(DataError, match="it has 11 bytes and 10 is the limit"):
        from_json_bytes(b"x" * 11, where="x")


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=60) | st.text('{}[]":,0123eE.-tfn ', max_size=60).map(str.encode))
def test_any_bytes_end_in_an_object_or_our_error(data: bytes) -> None:
    """No other exception, whatever comes."""
    try:
        value = from_json_bytes(data, where="x")
    except DataError:
        return
    assert isinstance(value, dict)
