"""Where the chart's pods stand, and by which addresses the dashboard is reached."""

import json

import pytest

from tests.support.cluster_tools import Manifest, chart_objects, found, set_objects
from tests.support.pods import environment, labels_of, pods


def _host(objects: tuple[Manifest, ...]) -> str:
    """The address that the dashboard listens on."""
    (container,) = found(objects, "Deployment")["spec"]["template"]["spec"]["containers"]
    command, flag, host = container["args"]
    assert (command, flag) == ("dashboard", "--host")
    return str(host)


def test_pods_are_spread_among_their_own() -> None:
    """A constraint without a selector counts the pods of its component; one that has its own keeps it."""
    spread = [
        (pod, each) for pod in pods(chart_objects("dual-stack")) for each in pod.spec["topologySpreadConstraints"]
    ]
    assert len(spread) == len(list(pods(chart_objects("dual-stack")))) + 1  # the dashboard has two
    for pod, constraint in spread:
        assert constraint["labelSelector"]["matchLabels"].items() <= labels_of(pod.metadata).items()
        wanted = set(constraint["labelSelector"]["matchLabels"])
        if constraint["maxSkew"] == 2:
            assert wanted == {"app.kubernetes.io/part-of"}
        else:
            assert wanted == {f"app.kubernetes.io/{name}" for name in ("name", "instance", "component")}
    zones = {pod.where.split()[0] for pod, each in spread if each["topologyKey"] == "topology.kubernetes.io/zone"}
    assert zones == {"Deployment"}


def test_nobody_is_placed_unasked() -> None:
    """The scheduler's own defaults hold, and nothing is claimed."""
    rendered = str(chart_objects("defaults"))
    assert "topologySpreadConstraints" not in rendered and "resourceClaims" not in rendered


def test_claimed_gpu_is_the_trainers() -> None:
    """The pod of that run names the claim, its main container takes it, and who waits does without."""
    claiming = [pod for pod in pods(chart_objects("gpu")) if "resourceClaims" in pod.spec]
    (pod,) = claiming
    assert pod.where == "CronJob rel-lorentzian-trainer-claimed"
    assert pod.spec["resourceClaims"] == [{"name": "gpu", "resourceClaimTemplateName": "single-gpu"}]
    wait, trainer = pod.containers
    assert trainer["resources"]["claims"] == [{"name": "gpu"}] and "claims" not in wait["resources"]
    assert environment(trainer, ())["LORENTZIAN_DEVICE"] == "cuda"


@pytest.mark.parametrize(
    ("service", "host"),
    [
        ("{}", "0.0.0.0"),
        ('{"ipFamilyPolicy":"SingleStack","ipFamilies":["IPv4"]}', "0.0.0.0"),
        ('{"ipFamilies":["IPv6"]}', "::"),
        ('{"ipFamilyPolicy":"PreferDualStack"}', "::"),
        ('{"ipFamilyPolicy":"RequireDualStack","ipFamilies":["IPv4","IPv6"]}', "::"),
    ],
)
def test_dashboard_listens_where_its_service_leads(service: str, host: str) -> None:
    """On all addresses of both families as soon as IPv6 is one of them; what is not said is left to the cluster."""
    objects = set_objects(f"dashboard.service={service}")
    spec = found(objects, "Service")["spec"]
    assert {key: spec[key] for key in ("ipFamilyPolicy", "ipFamilies") if key in spec} == json.loads(service)
    assert _host(objects) == host
