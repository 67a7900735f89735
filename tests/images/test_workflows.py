"""What a hosted service is told to run, as far as it can be told from here: no runner of it is at hand."""

import re
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import yaml

from tests.support.cluster_tools import found, helm_template, overlay_objects, parsed
from tests.support.pods import environment, pods
from tests.support.repository import ROOT

FOLDER = ROOT / ".github/workflows"


@pytest.fixture(params=("audit.yml", "ci.yml", "release.yml"))
def text(request: pytest.FixtureRequest) -> str:
    """Each workflow."""
    return (FOLDER / str(request.param)).read_text(encoding="utf-8")


def images_of(overlay: Path) -> dict[str, str]:
    """Names and tags that an overlay ends up with, its own after those of what it is made from."""
    found: dict[str, str] = {}
    described = yaml.safe_load((overlay / "kustomization.yaml").read_text(encoding="utf-8"))
    for resource in described.get("resources", []):
        if (overlay / resource / "kustomization.yaml").is_file():
            found |= images_of(overlay / resource)
    return found | {image["name"]: image["newTag"] for image in described.get("images", [])}


def test_every_job_ends(text: str) -> None:
    """Each has a limit of its own; the service's is six hours. And none may write what it need not."""
    workflow = yaml.safe_load(text)
    assert all(job["timeout-minutes"] <= 60 for job in workflow["jobs"].values())
    assert workflow["permissions"]["contents"] == "read"


def test_what_has_not_been_run_is_said(text: str) -> None:
    """Whoever reads the file learns from its first lines how far to trust it."""
    assert re.match(r"(#.*\n)*#.*\b(not one of these jobs has been run|Not run yet)\b", text, re.IGNORECASE)


def test_cluster_gets_the_images_that_its_overlay_asks_for() -> None:
    """What is built is what is loaded, and what the pods then ask for by name and tag."""
    text = (FOLDER / "ci.yml").read_text(encoding="utf-8")
    built = set(re.findall(r"docker build .*--tag (\S+)", text))
    loaded = set(re.findall(r"kind load docker-image --name local (.*)", text)[0].split())
    asked = {f"{name}:{tag}" for name, tag in images_of(ROOT / "k8s/overlays/local").items()}
    assert built == loaded == {image for image in asked if image.startswith("lorentzian-")}


def test_chart_finds_there_what_its_values_name() -> None:
    """The images that were built, and Secrets, keys, servers and ports of the overlay that is there already."""
    text = (FOLDER / "ci.yml").read_text(encoding="utf-8")
    steps = [step.get("run", "") for step in yaml.safe_load(text)["jobs"]["cluster"]["steps"]]
    (install,) = (step.split() for step in steps if step.startswith("helm install"))
    values = [word for value in install if "=" in value for word in ("--set", value)]
    objects, there = parsed(helm_template(*values)), overlay_objects("overlays/local")
    secrets = {(each["metadata"]["name"], key) for each in there if each["kind"] == "Secret" for key in each["data"]}
    services = {
        (each["metadata"]["name"], port["port"])
        for each in there
        if each["kind"] == "Service"
        for port in each["spec"]["ports"]
    }
    ways_out = found(objects, "NetworkPolicy", "trainer-trainer")["spec"]["egress"]
    for pod in pods(objects):
        for container in pod.containers:
            assert container["image"] in re.findall(r"docker build .*--tag (\S+)", text)
            keys = [each["valueFrom"].get("secretKeyRef") for each in container["env"] if "valueFrom" in each]
            assert {(key["name"], key["key"]) for key in keys if key} <= secrets
            store = urlsplit(environment(container, ())["AWS_ENDPOINT_URL_S3"])
            assert (store.hostname, store.port) in services
            assert {"protocol": "TCP", "port": store.port} in ways_out[1]["ports"]


def test_audit_is_of_the_whole_lock() -> None:
    """Every extra, each package at its hash, and one that cannot be judged is a failure."""
    steps = yaml.safe_load((FOLDER / "audit.yml").read_text(encoding="utf-8"))["jobs"]["packages"]["steps"]
    export, audit = (step["run"] for step in steps if "run" in step)
    assert {"--locked", "--all-extras"} <= set(export.split())
    assert {"--strict", "--require-hashes", "--disable-pip"} <= set(audit.split())
    assert export.split()[-1] == audit.split()[-1]


def test_tests_are_given_the_servers_that_they_ask_for() -> None:
    """What a test skips for want of is a failure there: whoever installs servers installs the same."""
    asked = re.search(r"dpkg -s (.+?) >", (ROOT / ".ci/run").read_text(encoding="utf-8"))
    assert asked is not None
    given = (FOLDER / "ci.yml").read_text(encoding="utf-8").split()
    assert {*asked[1].split(), "chromium"} <= set(given)
