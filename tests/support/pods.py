"""Kubernetes objects walked down to their Jobs, pods and containers."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from tests.support.cluster_tools import Manifest

OUR_IMAGES = ("lorentzian-trainer", "lorentzian-trainer-dashboard")


@dataclass(frozen=True, kw_only=True)
class Job:
    """A Job, or the template that a CronJob makes Jobs from.

    Parameters
    ----------
    name : longest name that such a Job has: a CronJob's get a dash and eight digits, the minutes since 1970.
    owner : the object that it stands in.
    """

    name: str
    owner: Manifest
    metadata: Manifest
    spec: Manifest


@dataclass(frozen=True, kw_only=True)
class Pod:
    """A pod, or the template that others make pods from."""

    where: str
    owner: Manifest
    metadata: Manifest
    spec: Manifest

    @property
    def containers(self) -> list[Manifest]:
        """All of them, those that run first included."""
        return [*self.spec.get("initContainers", ()), *self.spec["containers"]]

    @property
    def our_containers(self) -> list[Manifest]:
        """Those that run this program."""
        return [each for each in self.containers if is_ours(each)]


def is_ours(container: Manifest) -> bool:
    """Whether a container runs an image of this repository."""
    return container["image"].split("@")[0].rsplit("/", 1)[-1].split(":")[0] in OUR_IMAGES


def jobs(objects: Iterable[Manifest]) -> Iterator[Job]:
    """Every Job among the objects."""
    for each in objects:
        name = each["metadata"]["name"]
        if each["kind"] == "Job":
            yield Job(name=name, owner=each, metadata=each["metadata"], spec=each["spec"])
        elif each["kind"] == "CronJob":
            template = each["spec"]["jobTemplate"]
            yield Job(name=f"{name}-12345678", owner=each, metadata=template["metadata"], spec=template["spec"])


def pods(objects: Iterable[Manifest]) -> Iterator[Pod]:
    """Every pod among the objects."""
    for each in objects:
        where = f"{each['kind']} {each['metadata']['name']}"
        if each["kind"] == "Pod":
            yield Pod(where=where, owner=each, metadata=each["metadata"], spec=each["spec"])
        elif each["kind"] in ("Job", "Deployment", "StatefulSet", "DaemonSet"):
            yield _of_template(where, each, each["spec"]["template"])
        elif each["kind"] == "CronJob":
            yield _of_template(where, each, each["spec"]["jobTemplate"]["spec"]["template"])


def environment(container: Manifest, objects: Iterable[Manifest]) -> dict[str, str]:
    """The variables that a container starts with, as far as the objects say them; Secrets are left out.

    What comes from the pod's own fields is what a first Job would be told.
    """
    variables: dict[str, str] = {}
    kept = {(each["kind"], each["metadata"]["name"]): each.get("data", {}) for each in objects}
    for source in container.get("envFrom", ()):
        if "configMapRef" in source:
            variables |= kept.get(("ConfigMap", source["configMapRef"]["name"]), {})
    for variable in container.get("env", ()):
        if "value" in variable:
            variables[variable["name"]] = variable["value"]
        elif "fieldRef" in variable.get("valueFrom", {}):
            variables[variable["name"]] = _FIELDS.get(variable["valueFrom"]["fieldRef"]["fieldPath"], "a-field")
    return variables


def labels_of(metadata: Manifest) -> dict[str, Any]:
    """The labels of an object or a pod."""
    return dict(metadata.get("labels") or {})


_FIELDS = {
    "metadata.labels['batch.kubernetes.io/job-name']": "a-job",
    "metadata.labels['batch.kubernetes.io/controller-uid']": "0f8fad5b-d9cb-469f-a165-70867728950e",
    "metadata.annotations['batch.kubernetes.io/job-index-failure-count']": "0",
}


def _of_template(where: str, owner: Manifest, template: Manifest) -> Pod:
    return Pod(where=where, owner=owner, metadata=template.get("metadata") or {}, spec=template["spec"])
