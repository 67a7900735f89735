"""What each component adds to an overlay of a user's own; none breaks a rule."""

import re
import shutil
from pathlib import Path

import yaml

from tests.support import job_rules, pod_rules, program_rules, server_rules
from tests.support.api_schemas import VERSIONS, schema_faults
from tests.support.cluster_tools import K8S, Manifest, found, kustomized
from tests.support.job_rules import LEAST_PARALLELISM, QUEUE
from tests.support.pods import environment, jobs, labels_of, pods


def _with_component(name: str, tmp_path: Path, **content: object) -> tuple[Manifest, ...]:
    """What an overlay of a user's own applies that takes one component; it breaks no rule and fits the schemas."""
    shutil.copytree(K8S, tmp_path / "k8s")
    overlay = tmp_path / "k8s/overlays/own"
    overlay.mkdir()
    content = {"resources": ["../gpu"], "components": [f"../../components/{name}"]} | content
    (overlay / "kustomization.yaml").write_text(yaml.safe_dump(content))
    objects = kustomized(overlay)
    rules = (*pod_rules.RULES, *job_rules.RULES, *program_rules.RULES, *server_rules.RULES)
    assert [fault for rule in rules for fault in rule(objects)] == []
    assert [fault for version in VERSIONS for fault in schema_faults(objects, version)] == []
    return objects


def test_kueue_component_queues_what_trains(tmp_path: Path) -> None:
    """Over any overlay: the queue on both Jobs, partial admission on the one with windows."""
    objects = _with_component("kueue", tmp_path)
    queued = {job.name for job in jobs(objects) if QUEUE in labels_of(job.metadata)}
    assert queued == {"lorentzian-walkforward", "lorentzian-train"}
    assert found(objects, "Job", "walkforward")["metadata"]["annotations"] == {LEAST_PARALLELISM: "1"}


def test_roles_component_gives_every_task_its_database_user(tmp_path: Path) -> None:
    """The owner migrates and makes the roles, the collector writes, all else has the user that it had."""
    objects = _with_component("database-roles", tmp_path)
    (migrate,) = found(objects, "Job", "migrate")["spec"]["template"]["spec"]["containers"]
    assert migrate["args"] == ["migrate", "--roles"]
    users = {"migrate": "lorentzian-database-owner", "features": "lorentzian-database-collector"}
    for job in jobs(objects):
        task = labels_of(job.metadata)["app.kubernetes.io/component"]
        pod = job.spec["template"]["spec"]
        for container in (*pod["initContainers"], *pod["containers"]):
            secrets = [each["secretRef"]["name"] for each in container["envFrom"] if "secretRef" in each]
            assert secrets == [users.get(task, "lorentzian-database"), "lorentzian-store"]


def test_authorities_component_reaches_every_container(tmp_path: Path) -> None:
    """The file is where the settings of its example say, in each container of ours; without it a pod still starts."""
    text = (K8S / "components/private-authorities/kustomization.yaml").read_text(encoding="utf-8")
    comment = text[text.index("#   resources") : text.index("apiVersion")]
    example = yaml.safe_load(re.sub(r"^# {0,3}", "", comment, flags=re.MULTILINE))
    assert example.pop("components") == ["../../components/private-authorities"]
    objects = _with_component("private-authorities", tmp_path, **example)
    for pod in pods(objects):
        (volume,) = (each for each in pod.spec["volumes"] if each["name"] == "authorities")
        assert volume["configMap"] == {"name": "lorentzian-authorities", "optional": True}
        for container in pod.containers:
            (mount,) = (each for each in container["volumeMounts"] if each["name"] == "authorities")
            told = environment(container, objects)
            assert told["AWS_CA_BUNDLE"] == f"{mount['mountPath']}/store.crt"
            assert told["PGSSLROOTCERT"] == f"{mount['mountPath']}/database.crt"
            assert mount["readOnly"] and told["PGSSLMODE"] == "verify-full"


def test_every_component_is_tried() -> None:
    """Each folder is one of those above."""
    assert {path.name for path in (K8S / "components").iterdir()} == {"kueue", "database-roles", "private-authorities"}
