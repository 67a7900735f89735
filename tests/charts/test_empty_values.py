"""A key with nothing behind it: helm takes the default away, and the templates must not meet that unprepared."""

import copy
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml
from jsonschema import Draft7Validator

from tests.support.cluster_tools import CHART, chart_objects, helm_template, parsed

VALUES: dict[str, Any] = yaml.safe_load((CHART / "values.yaml").read_text(encoding="utf-8"))
SCHEMA = Draft7Validator(json.loads((CHART / "values.schema.json").read_text(encoding="utf-8")))
# Whose keys are Kubernetes' or the user's own: what is not wanted there may be taken away.
OPEN = ("resources", "labels", "annotations", "pod", "podSecurityContext", "containerSecurityContext", "commonLabels")
FREE = ("dashboard", "replicas")  # without a number an autoscaler decides


def _objects(values: dict[str, Any], path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Where the chart's own objects are, the whole first."""
    yield path
    for key, value in values.items():
        if isinstance(value, dict) and value and key not in OPEN:
            yield from _objects(value, (*path, key))


def _at(values: dict[str, Any], path: tuple[str, ...]) -> dict[str, Any]:
    for key in path:
        values = values[key]
    return values


def _is_empty(value: object) -> bool:
    return value in ("", [], {})


def test_value_that_says_something_cannot_be_taken_away() -> None:
    """A schedule, a deadline, a switch such as that of the NetworkPolicies: the schema names what is missing."""
    assert SCHEMA.is_valid(VALUES)
    for path in _objects(VALUES):
        saying = {key for key, value in _at(VALUES, path).items() if not _is_empty(value) and (*path, key) != FREE}
        values = copy.deepcopy(VALUES)
        for key in saying:
            del _at(values, path)[key]
        missed = {error.message for error in SCHEMA.iter_errors(values)}
        assert {f"'{key}' is a required property" for key in saying} <= missed, path


def test_empty_value_can_be_left_without_one(tmp_path: Path) -> None:
    """`endpointUrl:` with nothing behind it is as good as an empty text: the same is installed."""
    emptied: dict[str, Any] = {}
    for path in _objects(VALUES):
        for key, value in _at(VALUES, path).items():
            if _is_empty(value) and not isinstance(value, dict):
                _made(emptied, path)[key] = None
    (tmp_path / "values.yaml").write_text(yaml.safe_dump(emptied), encoding="utf-8")
    assert len(emptied) > 10
    assert parsed(helm_template("--values", tmp_path / "values.yaml")) == chart_objects("defaults")


def _made(values: dict[str, Any], path: tuple[str, ...]) -> dict[str, Any]:
    for key in path:
        values = values.setdefault(key, {})
    return values
