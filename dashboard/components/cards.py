"""Number cards: what it is, what it came to, its interval, and what to hold against it."""

from dataclasses import dataclass

import dash_mantine_components as dmc
from dash import html
from dash.development.base_component import Component

from dashboard.components.attributes import data

VERDICT_MARKS = {"evidence": "✔", "weak": "≈", "no evidence": "○"}
VERDICT_COLOURS = {"evidence": "teal", "weak": "yellow", "no evidence": "gray"}


@dataclass(frozen=True, kw_only=True)
class NumberCard:
    """One number as it is written; ``name`` is its field in the summary."""

    name: str
    label: str
    value: str
    note: str = ""


def number_cards(cards: list[NumberCard]) -> Component:
    """Cards side by side, as many as fit."""
    return dmc.SimpleGrid([_card(card) for card in cards], cols={"base": 2, "sm": 3, "lg": 4}, spacing="sm", mb="md")


def _card(card: NumberCard) -> Component:
    return dmc.Paper(
        [
            html.Div(card.label, className="card-label"),
            html.Div(card.value, className="card-value", **data(number=card.name)),
            html.Div(card.note, className="card-note"),
        ],
        withBorder=True,
        p="sm",
    )


def verdict_chip(verdict: str | None) -> Component:
    """The verdict in a word and a mark, never by colour alone."""
    if verdict is None:
        return dmc.Badge("not judged yet", color="gray", variant="outline")
    return dmc.Badge(
        f"{VERDICT_MARKS.get(verdict, '')} {verdict}",
        color=VERDICT_COLOURS.get(verdict, "gray"),
        variant="outline",
        size="lg",
        className="verdict",
        tt="none",
    )
