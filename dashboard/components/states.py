"""Cards for what is not there: loading, empty, partial, stale, error, forbidden, undefined. Words before colour."""

import dash_mantine_components as dmc
from dash import html
from dash.development.base_component import Component

from dashboard import ids
from dashboard.access import request_id
from dashboard.components.attributes import aria
from dashboard.components.prose import prose
from dashboard.reading import Fault
from job.errors import DataError, JobError, NoDataError, StorageForbidden, TransientError


def state_card(kind: str, title: str, *body: Component | str, colour: str = "gray") -> Component:
    """A card that says what the matter is; ``kind`` is its state, which style sheet and tests know it by."""
    return dmc.Alert(
        [html.Div(prose(part)) if isinstance(part, str) else part for part in body],
        title=title,
        color=colour,
        variant="light",
        className=f"state state-{kind}",
        mb="md",
    )


def loading() -> list[Component]:
    """Where a page will be: as high as one, so that nothing jumps."""
    return [
        html.Div(
            [
                dmc.Skeleton(height=40, width="40%", mb="md"),
                dmc.Skeleton(height=120, mb="md"),
                dmc.Skeleton(height=420),
            ],
            className="state state-loading",
            **aria(hidden="true"),
        )
    ]


def empty(title: str, explanation: str, command: str) -> Component:
    """Nothing there yet, and the command that would change it."""
    return state_card("empty", title, explanation, html.Pre(html.Code(command)), colour="blue")


def partial(title: str, *body: Component | str) -> Component:
    """Some of it is there."""
    return state_card("partial", title, *body, colour="yellow")


def stale(reason: str) -> Component:
    """What is shown was read earlier, and could not be read again."""
    return state_card(
        "stale", "Shown as it was read earlier", reason, "It is tried again with every look.", colour="yellow"
    )


def undefined(what: str, reason: str) -> Component:
    """A part that cannot exist here, and why."""
    return state_card("undefined", f"{what}: undefined", reason)


def faults(found: tuple[Fault, ...]) -> list[Component]:
    """A card for each object that could not be used, the first twenty; everything else stays visible."""
    cards = [
        state_card(
            "error", "This object could not be used", html.Code(each.key), each.message, each.remedy, colour="red"
        )
        for each in found[:20]
    ]
    if len(found) > len(cards):
        cards.append(state_card("error", f"{len(found) - len(cards)} more objects could not be used", colour="red"))
    return cards


def failure(error: JobError) -> Component:
    """What failed, why, what to do, and under which id the log has it."""
    kind, title, colour = _kind(error)
    return state_card(
        kind,
        title,
        error.message,
        error.remedy,
        html.Div(["Request ", html.Code(request_id())], className="muted"),
        dmc.Button("Try again", id=ids.RETRY, variant="default", size="xs", mt="sm"),
        colour=colour,
    )


def _kind(error: JobError) -> tuple[str, str, str]:
    if isinstance(error, StorageForbidden):
        return "forbidden", "The store does not permit it", "red"
    if isinstance(error, NoDataError):
        return "empty", "Not there", "blue"
    if isinstance(error, DataError):
        return "error", "An object could not be used", "red"
    if isinstance(error, TransientError):
        return "error", "The store did not answer", "red"
    return "error", "This cannot be shown", "red"
