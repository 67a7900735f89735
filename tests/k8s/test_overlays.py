"""The manifests of k8s/ as kubectl renders them: schemas, and the rules that no schema holds."""

from collections.abc import Callable, Iterator, Sequence

import pytest

from tests.support import job_rules, pod_rules, program_rules, server_rules
from tests.support.api_schemas import VERSIONS, schema_faults
from tests.support.cluster_tools import OVERLAYS, Manifest, overlay_objects

RULES = (*pod_rules.RULES, *job_rules.RULES, *program_rules.RULES, *server_rules.RULES)
Rule = Callable[[Sequence[Manifest]], Iterator[str]]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
@pytest.mark.parametrize("overlay", OVERLAYS)
def test_overlay_keeps_the_rule(overlay: str, rule: Rule) -> None:
    """Nothing that an overlay applies breaks a rule."""
    assert list(rule(overlay_objects(overlay))) == []


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("overlay", OVERLAYS)
def test_overlay_fits_the_schemas(overlay: str, version: str) -> None:
    """The oldest and the newest Kubernetes know every field."""
    assert schema_faults(overlay_objects(overlay), version) == []


def test_schemas_see_a_misspelt_field() -> None:
    """A field that Kubernetes does not know is a fault, not a thing to ignore."""
    (account, *_) = (each for each in overlay_objects("base") if each["kind"] == "ServiceAccount")
    assert schema_faults([account | {"automountServiceAccountTokens": False}], VERSIONS[0])
