"""Sentences of the job on a page."""

import pytest
from dash import html

from dashboard.components.prose import prose


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("", []),
        ("plain <b>text</b>", ["plain <b>text</b>"]),
        ("`lorentzian collect` stores it", ["lorentzian collect|", " stores it"]),
        ("one `a` and `b`", ["one ", "a|", " and ", "b|"]),
        ("a lone ` stays", ["a lone ` stays"]),
    ],
)
def test_backticks_are_code_and_nothing_else_is(text: str, parts: list[str]) -> None:
    """Pairs of them; markup stays text, which the page escapes."""
    assert [f"{part.children}|" if isinstance(part, html.Code) else part for part in prose(text)] == parts
