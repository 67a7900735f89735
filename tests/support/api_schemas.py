"""Objects held against the published schemas of the Kubernetes API, for the oldest and the newest version promised."""

import json
from collections.abc import Sequence
from functools import cache

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
    validator = pytest.importorskip("kubernetes_validate", reason="kubernetes-validate is not installed")
    document = json.loads(text)
    if document["apiVersion"].startswith(CUSTOM):
        return ""
    try:
        validator.validate(document, version, strict=True)
    except (validator.ValidationError, validator.SchemaNotFoundError, validator.InvalidSchemaError) as error:
        return f"{document['kind']} {document['metadata']['name']}: {error}"
    return ""
