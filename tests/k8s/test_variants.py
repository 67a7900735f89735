"""What each overlay changes in the base, and that the local one lacks nothing."""

from urllib.parse import urlsplit

import pytest

from dashboard.server import DRAIN_SECONDS
from job.demo import WORLD_INTERVAL
from job.kubernetes.window_job import METRICS_PORT
from job.settings.commands import WindowCommand
from tests.support import pod_rules
from tests.support.cluster_tools import Manifest, chart_objects, found, overlay_objects
from tests.support.pods import environment, is_ours, jobs, labels_of, pods
from tests.support.program_rules import loaded_settings
from tests.support.repository import ROOT

COMPONENTS = {"migrate", "features", "walkforward", "train", "finalize", "dashboard"}


def _trainer(overlay: str, name: str) -> Manifest:
    containers: list[Manifest] = found(overlay_objects(overlay), "Job", name)["spec"]["template"]["spec"]["containers"]
    (trainer,) = containers
    return trainer


@pytest.mark.parametrize("overlay", ["base", "overlays/cpu", "overlays/gpu", "overlays/local"])
def test_overlay_has_every_part(overlay: str) -> None:
    """Four Jobs, the sweeper and the dashboard; twenty-one windows."""
    objects = overlay_objects(overlay)
    parts = [labels_of(pod.metadata)["app.kubernetes.io/component"] for pod in pods(objects) if pod.our_containers]
    assert sorted(parts) == sorted(COMPONENTS)
    assert found(objects, "Job", "walkforward")["spec"]["completions"] == 21


@pytest.mark.parametrize("name", ["walkforward", "train"])
def test_gpu_overlay_trains_on_gpus_alone(name: str) -> None:
    """One GPU a pod, and no silent way back to the CPU; who waits or collects asks for none."""
    objects = overlay_objects("overlays/gpu")
    assert _trainer("overlays/gpu", name)["resources"]["limits"] == {"memory": "4Gi", "nvidia.com/gpu": "1"}
    assert environment(_trainer("overlays/gpu", name), objects)["LORENTZIAN_DEVICE"] == "cuda"
    assert sum("nvidia.com/gpu" in str(each.get("resources")) for pod in pods(objects) for each in pod.containers) == 2


def test_cpu_overlay_takes_the_image_without_cuda() -> None:
    """The smaller image for every Job, the same for the dashboard, and as many windows at once as were chosen."""
    objects = overlay_objects("overlays/cpu")
    tags = {each["image"] for pod in pods(objects) for each in pod.containers}
    assert tags == {"lorentzian-trainer:0.1.0-cpu", "lorentzian-trainer-dashboard:0.1.0"}
    assert environment(_trainer("overlays/cpu", "walkforward"), objects)["LORENTZIAN_DEVICE"] == "cpu"
    assert found(objects, "Job", "walkforward")["spec"]["parallelism"] == 7


def test_dashboard_of_the_chart_is_another_one() -> None:
    """Manifests and a release in one namespace: no Service or policy of the one finds the other's pages."""
    dashboards = [
        labels_of(found(objects, "Deployment", "dashboard")["spec"]["template"]["metadata"])
        for objects in (overlay_objects("base"), chart_objects("defaults"))
    ]
    for objects, own in ((overlay_objects("base"), 0), (chart_objects("defaults"), 1)):
        service = found(objects, "Service", "dashboard")["spec"]["selector"]
        policy = found(objects, "NetworkPolicy", "dashboard")["spec"]["podSelector"]["matchLabels"]
        deployment = found(objects, "Deployment", "dashboard")["spec"]["selector"]["matchLabels"]
        for selector in (service, policy, deployment):
            assert [selector.items() <= labels.items() for labels in dashboards] == [own == 0, own == 1]


def test_dashboard_goes_when_nobody_sends_requests_to_it_any_more() -> None:
    """It stays until whoever reads its Service has heard of it; what it has then begun still fits the time to leave."""
    for objects in (overlay_objects("base"), chart_objects("defaults")):
        pod = found(objects, "Deployment", "dashboard")["spec"]["template"]["spec"]
        stays = pod["containers"][0]["lifecycle"]["preStop"]["sleep"]["seconds"]
        assert stays and stays + DRAIN_SECONDS < pod["terminationGracePeriodSeconds"]


def test_metrics_of_pods_that_work_can_be_fetched() -> None:
    """A port of the main container, the setting that opens it, and a way in; the migration is over too soon."""
    objects = overlay_objects("base")
    serving = {
        job.name.removeprefix("lorentzian-").removesuffix("-12345678")
        for job in jobs(objects)
        for container in job.spec["template"]["spec"]["containers"]
        if container.get("ports") == [{"name": "metrics", "containerPort": METRICS_PORT}]
        and environment(container, objects).get("LORENTZIAN_METRICS_PORT") == str(METRICS_PORT)
    }
    assert serving == {"features", "walkforward", "train", "finalize"}
    (way_in,) = found(objects, "NetworkPolicy", "trainer")["spec"]["ingress"]
    assert way_in == {"ports": [{"protocol": "TCP", "port": METRICS_PORT}]}


def test_local_overlay_needs_nothing_from_elsewhere() -> None:
    """Every Secret and ConfigMap that a pod reads is in it; every host that a setting names is one of its Services."""
    objects = overlay_objects("overlays/local")
    there = {(each["kind"], each["metadata"]["name"]) for each in objects}
    for pod in pods(objects):
        for container in pod.containers:
            for source in container.get("envFrom", ()):
                kind, reference = next(iter(source.items()))
                assert ({"configMapRef": "ConfigMap", "secretRef": "Secret"}[kind], reference["name"]) in there
            for variable in container.get("env", ()):
                if "secretKeyRef" in variable.get("valueFrom", {}):
                    assert ("Secret", variable["valueFrom"]["secretKeyRef"]["name"]) in there
    settings = found(objects, "ConfigMap", "settings")["data"]
    database = _secret(objects, "database")["DATABASE_URL"]
    for url, port in ((settings["AWS_ENDPOINT_URL_S3"], 8333), (database, 5432)):
        assert urlsplit(url).port == port
        (exposed,) = found(objects, "Service", str(urlsplit(url).hostname))["spec"]["ports"]
        assert exposed["port"] == port
    assert urlsplit(database).password == _secret(objects, "postgres")["POSTGRES_PASSWORD"]


def test_local_overlay_brings_what_is_optional_first() -> None:
    """A pod that starts before its Secret is there misses it, and fails its Job: objects come in the order applied."""
    kinds = [each["kind"] for each in overlay_objects("overlays/local")]
    told = [place for place, kind in enumerate(kinds) if kind in ("Namespace", "ServiceAccount", "ConfigMap", "Secret")]
    assert told == list(range(len(told)))


def test_local_overlay_refuses_pods_that_ask_for_more() -> None:
    """Its namespace holds every pod to the restricted standard, and every object is in it."""
    objects = overlay_objects("overlays/local")
    namespace = found(objects, "Namespace")["metadata"]
    assert namespace["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"
    assert {each["metadata"].get("namespace") for each in objects if each["kind"] != "Namespace"} == {namespace["name"]}


def test_local_overlay_walks_through_the_world_that_it_makes() -> None:
    """Windows and feature rows are asked for on the market that the synthetic bars are stored under."""
    objects = overlay_objects("overlays/local")
    (_, collect), (trainer,) = (
        found(objects, "Job", "features")["spec"]["template"]["spec"][kind] for kind in ("initContainers", "containers")
    )
    assert collect["args"] == ["demo", "--world", "edge", "--prepare"]
    for container in (trainer, _trainer("overlays/local", "walkforward")):
        market = loaded_settings(container, objects).settings.market  # type: ignore[attr-defined]
        assert (market.symbol, market.context, market.interval) == ("SYNUSDT", ("SYNBTC", "SYNETH"), WORLD_INTERVAL)
        assert market.venue == "synthetic-edge"
    settings = loaded_settings(_trainer("overlays/local", "walkforward"), objects).settings
    assert isinstance(settings, WindowCommand)
    assert settings.run.save_path == "s3://lorentzian/models"


def test_local_overlay_lets_its_pods_reach_its_servers() -> None:
    """The policies of both ends agree: who may leave by a port is let in there."""
    objects = overlay_objects("overlays/local")
    ways_out = found(objects, "NetworkPolicy", "trainer")["spec"]["egress"]
    out = {port["port"] for way in ways_out for port in way["ports"]}
    for name, port in (("postgres", 5432), ("seaweedfs", 8333)):
        policy = found(objects, "NetworkPolicy", name)["spec"]
        assert port in out
        assert policy["ingress"][0]["ports"] == [{"protocol": "TCP", "port": port}]
        assert policy["egress"] == []


def test_local_overlay_leaves_room_for_what_is_waited_for() -> None:
    """All its pods together ask for one processor and 2.5 GiB, or those that wait would keep the awaited ones out."""
    objects = overlay_objects("overlays/local")
    cpu = memory = 0
    for pod in pods(objects):
        asked = [each["resources"]["requests"] for each in pod.containers]
        num_pods = pod.owner["spec"].get("parallelism", 1)
        cpu += num_pods * max(int(each["cpu"].removesuffix("m")) for each in asked)
        memory += num_pods * max(int(each["memory"].removesuffix("Mi")) for each in asked)
    assert cpu <= 1000
    assert memory <= 2560


def test_images_of_others_are_named_with_their_version() -> None:
    """The two servers of the local overlay, and nothing else that is not ours."""
    objects = overlay_objects("overlays/local")
    others = {each["image"] for pod in pods(objects) for each in pod.containers if not is_ours(each)}
    assert {image.split(":")[0] for image in others} == {"postgres", "chrislusf/seaweedfs"}


def test_image_and_manifests_agree_on_user_and_ports() -> None:
    """The user that the images were made for is the one that pods run as; the ports are those that are exposed."""
    trainer, dashboard = (ROOT / name for name in ("Dockerfile", "Dockerfile.dashboard"))
    for dockerfile in (trainer, dashboard):
        if not dockerfile.exists():
            pytest.fail(f"{dockerfile.name} is missing")
        assert f"USER {pod_rules.USER}:{pod_rules.USER}" in dockerfile.read_text(encoding="utf-8")
    exposed = [line for line in dashboard.read_text(encoding="utf-8").splitlines() if line.startswith("EXPOSE")]
    assert exposed == ["EXPOSE 8050 8051"]


def _secret(objects: tuple[Manifest, ...], name: str) -> dict[str, str]:
    import base64

    return {key: base64.b64decode(value).decode() for key, value in found(objects, "Secret", name)["data"].items()}
