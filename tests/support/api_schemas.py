"""Objects held against the published schemas of the Kubernetes API, for the oldest and the newest version promised."""

import json
import re
from collections.abc import Sequence
from functools import cache
from importlib.resources import files
from typing import Any

import pytest

from tests.support.cluster_tools import Manifest

VERSIONS = ("1.33", "1.37")
# Kinds that a cluster has only where somebody installed them: no schema of Kubernetes knows them.
CUSTOM = ("monitoring.coreos.com/", "external-secrets.io/")


def schema_faults(objects: Sequence[Manifest], version: str) -> list[str]:
    """What the schemas of a version refuse; an unknown field too."""
    return [fault for each in objects if (fault := _fault(json.dumps(each, sort_keys=True), version))]


@cache
def _fault(text: str, version: str) -> str:
    """The fault of one object; most are equal between one case and the next, so each is looked at once."""
    document = json.loads(text)
    if document["apiVersion"].startswith(CUSTOM):
        return ""
    error = next(_validator(document["kind"], document["apiVersion"], version).iter_errors(document), None)
    return "" if error is None else f"{document['kind']} {document['metadata']['name']}: {error}"


@cache
def _validator(kind: str, api_version: str, version: str) -> Any:
    """A kind's schema of a version, strict about fields; the package itself would read it anew for each object."""
    from jsonschema import Draft202012Validator
    from referencing import Registry

    group = re.sub(r"^([^./]*)(\.[^/]*)?/", r"\1-", api_version)  # policy/v1: policy-v1
    schema = _schema(f"{kind.lower()}-{group}", version)
    return Draft202012Validator(schema.contents, registry=[schema, _schema("_definitions", version)] @ Registry())


@cache
def _schema(name: str, version: str) -> Any:
    pytest.importorskip("kubernetes_validate", reason="kubernetes-validate is not installed")
    from referencing import Resource

    schemas = files("kubernetes_validate") / "kubernetes-json-schema"
    (folder,) = (each for each in schemas.iterdir() if re.fullmatch(rf"v{version}\.\d+-local-strict", each.name))
    return Resource.from_contents(json.loads((folder / f"{name}.json").read_text(encoding="utf-8")))
