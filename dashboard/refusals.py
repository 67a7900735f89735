"""Requests that no page sends, or that cannot be answered now: one sentence and a status, never a trace.

Anybody may post to the address where Dash takes its calls. What does not fit a callback would fail somewhere inside of
it and look like a bug of ours, so it is refused before.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any

from dash import Dash
from flask import Flask, Response, request
from pydantic import BaseModel, Field, ValidationError, model_validator

from job.errors import JobError, NoDataError, UsageError

CALLS = "_dash-update-component"
# What a browser may send of the properties that callbacks read; None stands for a value that is not there yet.
KINDS: Mapping[str, type] = {
    "pathname": str,
    "search": str,
    "value": str,
    "data": str,
    "n_clicks": int,
    "n_intervals": int,
    "relayoutData": dict,
    "id": dict,
}


class SentProperty(BaseModel, strict=True):
    """A component's property, as the browser has it."""

    id: str | dict[str, str]
    of: Annotated[str, Field(alias="property")]
    value: Any = None

    @model_validator(mode="after")
    def _is_of_its_kind(self) -> "SentProperty":
        kind = KINDS.get(self.of)
        if kind is not None and self.value is not None and not isinstance(self.value, kind):
            raise ValueError(f"{self.of} is no {kind.__name__}")
        if self.of == "id" and self.value != self.id:
            raise ValueError("a component has another id than its own")
        return self

    @property
    def name(self) -> str:
        """As Dash names it among what has changed."""
        own = json.dumps(self.id, sort_keys=True, separators=(",", ":")) if isinstance(self.id, dict) else self.id
        return f"{own}.{self.of}"


Sent = SentProperty | list[SentProperty]


class Call(BaseModel, strict=True):
    """What a browser posts to have a callback run."""

    output: str
    outputs: Sent
    inputs: list[Sent]
    state: list[Sent] = []
    changed: Annotated[list[str], Field(alias="changedPropIds")] = []

    def fits(self, callback: Mapping[str, Any]) -> bool:
        """Whether it has what a callback declares: each property in its place, and no change of another."""
        outputs = callback["output"]
        declared = [_declared(each) for each in (outputs if isinstance(outputs, list) else [outputs])]
        sent = self.outputs if isinstance(outputs, list) else [self.outputs]
        inputs = {each.name for each in _flat(self.inputs)}
        return (
            isinstance(sent, list)
            and _all_fit(declared, sent)
            and _all_fit(callback["inputs"], self.inputs)
            and _all_fit(callback["state"], self.state)
            and inputs.issuperset(self.changed)
        )


def refuse_what_cannot_be(server: Flask, app: Dash, *, prefix: str) -> None:
    """Answer calls that fit no callback, and errors that are not bugs, with a sentence."""

    @server.before_request
    def _check() -> Response | None:
        if request.path != f"{prefix}{CALLS}" or request.method != "POST":
            return None
        try:
            call = Call.model_validate(request.get_json(silent=True))
        except ValidationError:
            return _sentence("This is no call that a page of this dashboard makes.", 400)
        callback = app.callback_map.get(call.output, {})
        if "callback" not in callback:
            return _sentence("There is no such callback; a page of an older version has to be loaded again.", 404)
        if not call.fits(callback):
            return _sentence("This callback takes other arguments.", 400)
        return None

    @server.errorhandler(JobError)
    def _told(error: JobError) -> Response:
        status = 404 if isinstance(error, NoDataError) else 400 if isinstance(error, UsageError) else 503
        return _sentence(str(error), status)


def _declared(output: Any) -> dict[str, str]:
    return {"id": output.component_id_str(), "property": output.component_property}


def _flat(sent: Sequence[Sent]) -> Iterator[SentProperty]:
    for each in sent:
        yield from each if isinstance(each, list) else [each]


def _all_fit(declared: Sequence[Mapping[str, Any]], sent: Sequence[Sent]) -> bool:
    return len(declared) == len(sent) and all(_fits(own, each) for own, each in zip(declared, sent, strict=True))


def _fits(declared: Mapping[str, Any], sent: Sent) -> bool:
    """Whether a property is the declared one; a pattern's wildcards stand for anything, ALL for any number of them."""
    own = json.loads(declared["id"]) if declared["id"].startswith("{") else declared["id"]
    is_many = isinstance(own, dict) and ["ALL"] in own.values()
    if is_many != isinstance(sent, list):
        return False
    return all(each.of == declared["property"] and _is_id_of(own, each.id) for each in _flat([sent]))


def _is_id_of(own: str | dict[str, Any], sent: str | dict[str, str]) -> bool:
    if not isinstance(own, dict) or not isinstance(sent, dict):
        return own == sent
    return own.keys() == sent.keys() and all(isinstance(own[key], list) or own[key] == sent[key] for key in own)


def _sentence(text: str, status: int) -> Response:
    return Response(f"{text}\n", status, content_type="text/plain; charset=utf-8")
