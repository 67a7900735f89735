"""What every pod must keep and no schema asks for. Each rule yields a sentence for each fault that it finds."""

import re
from collections.abc import Iterator, Sequence
from typing import Any

from tests.support.cluster_tools import Manifest
from tests.support.pods import Pod, pods

# Of the restricted Pod Security Standard.
VOLUMES = {"configMap", "csi", "downwardAPI", "emptyDir", "ephemeral", "persistentVolumeClaim", "projected", "secret"}
_SECRET = re.compile(r"(PASSWORD|ACCESS_KEY|ACCESS_KEY_ID|SESSION_TOKEN|DATABASE_URL)$")
_PASSWORD_IN_ADDRESS = re.compile(r"://[^/\s]*:[^/\s]*@")
USER = 10_001  # the images' own


def restricted(objects: Sequence[Manifest]) -> Iterator[str]:
    """The `restricted` Pod Security Standard, and a root file system that cannot be written."""
    for pod in pods(objects):
        security = pod.spec.get("securityContext") or {}
        if security.get("runAsNonRoot") is not True:
            yield f"{pod.where}: runAsNonRoot is not true"
        if security.get("seccompProfile", {}).get("type") != "RuntimeDefault":
            yield f"{pod.where}: its seccomp profile is not RuntimeDefault"
        if not security.get("runAsUser"):
            yield f"{pod.where}: no user, or root"
        if any(pod.spec.get(name) for name in ("hostNetwork", "hostPID", "hostIPC")):
            yield f"{pod.where}: uses a namespace of its node"
        for volume in pod.spec.get("volumes", ()):
            if not set(volume) - {"name"} <= VOLUMES:
                yield f"{pod.where}: volume {volume['name']} is of a forbidden kind"
        for container in pod.containers:
            yield from (f"{pod.where} {container['name']}: {fault}" for fault in _unrestricted(container))


def _unrestricted(container: Manifest) -> Iterator[str]:
    security: dict[str, Any] = container.get("securityContext") or {}
    if security.get("allowPrivilegeEscalation") is not False:
        yield "may escalate its privileges"
    if security.get("capabilities", {}).get("drop") != ["ALL"] or security["capabilities"].get("add"):
        yield "keeps capabilities"
    if security.get("readOnlyRootFilesystem") is not True:
        yield "can write its root file system"
    if security.get("privileged") or security.get("runAsUser") == 0 or security.get("runAsNonRoot") is False:
        yield "is root"
    if any(port.get("hostPort") for port in container.get("ports", ())):
        yield "takes a port of its node"


def alone(objects: Sequence[Manifest]) -> Iterator[str]:
    """No token of the cluster, no variables of services; and no account may hand out a token unasked."""
    for pod in pods(objects):
        if pod.spec.get("automountServiceAccountToken") is not False:
            yield f"{pod.where}: mounts a token"
        if pod.spec.get("enableServiceLinks") is not False:
            yield f"{pod.where}: is told of every Service"
    for each in objects:
        if each["kind"] == "ServiceAccount" and each.get("automountServiceAccountToken") is not False:
            yield f"ServiceAccount {each['metadata']['name']}: hands out tokens"


def our_user(objects: Sequence[Manifest]) -> Iterator[str]:
    """Pods of ours run as the user that the images were made for."""
    for pod in _ours(objects):
        security = pod.spec["securityContext"]
        if {security.get(name) for name in ("runAsUser", "runAsGroup", "fsGroup")} != {USER}:
            yield f"{pod.where}: runs as another user than {USER}"


def writable(objects: Sequence[Manifest]) -> Iterator[str]:
    """What can be written is mounted and limited: /tmp in every container of ours."""
    for pod in _ours(objects):
        volumes = {volume["name"]: volume for volume in pod.spec.get("volumes", ())}
        for container in pod.our_containers:
            mounts = {mount["mountPath"]: mount["name"] for mount in container.get("volumeMounts", ())}
            if not volumes.get(mounts.get("/tmp"), {}).get("emptyDir", {}).get("sizeLimit"):
                yield f"{pod.where} {container['name']}: /tmp cannot be written, or has no limit"
        for mount in (mount for each in pod.containers for mount in each.get("volumeMounts", ())):
            if mount["name"] not in volumes:
                yield f"{pod.where}: mounts {mount['name']}, which it has not"


def resources(objects: Sequence[Manifest]) -> Iterator[str]:
    """Every container asks for processor and memory (Kueue and the scheduler count them) and has a limit of memory."""
    for pod in pods(objects):
        for container in pod.containers:
            asked = container.get("resources", {})
            if not {"cpu", "memory"} <= set(asked.get("requests", {})):
                yield f"{pod.where} {container['name']}: asks for no processor or no memory"
            if "memory" not in asked.get("limits", {}):
                yield f"{pod.where} {container['name']}: its memory has no limit"


def optional_secrets(objects: Sequence[Manifest]) -> Iterator[str]:
    """A container of ours starts without its secrets: only the program can say what is missing."""
    for pod in _ours(objects):
        for container in pod.our_containers:
            sources = [source["secretRef"] for source in container.get("envFrom", ()) if "secretRef" in source]
            keys = [variable.get("valueFrom", {}).get("secretKeyRef") for variable in container.get("env", ())]
            for reference in [*sources, *filter(None, keys)]:
                if reference.get("optional") is not True:
                    yield f"{pod.where} {container['name']}: cannot start without the secret {reference['name']}"


def hidden_secrets(objects: Sequence[Manifest]) -> Iterator[str]:
    """`kubectl describe` shows variables, arguments and ConfigMaps: no secret stands in any of them."""
    for pod in pods(objects):
        for container in pod.containers:
            for variable in container.get("env", ()):
                if _SECRET.search(variable["name"]) and variable.get("value"):
                    yield f"{pod.where} {container['name']}: shows the value of {variable['name']}"
            for argument in (*container.get("command", ()), *container.get("args", ())):
                if _PASSWORD_IN_ADDRESS.search(argument):
                    yield f"{pod.where} {container['name']}: shows a password in an argument"
    for shown in objects:
        if shown["kind"] == "ConfigMap":
            for name in filter(_SECRET.search, shown.get("data", {})):
                yield f"ConfigMap {shown['metadata']['name']}: shows the value of {name}"


def single_names(objects: Sequence[Manifest]) -> Iterator[str]:
    """No variable, volume or container twice: server-side apply refuses that."""
    for pod in pods(objects):
        for kind, names in (
            ("volume", [volume["name"] for volume in pod.spec.get("volumes", ())]),
            ("container", [container["name"] for container in pod.containers]),
            *(
                (f"variable of {container['name']}", [variable["name"] for variable in container.get("env", ())])
                for container in pod.containers
            ),
        ):
            yield from (f"{pod.where}: {kind} {name} twice" for name in sorted(set(names)) if names.count(name) > 1)


def last_words(objects: Sequence[Manifest]) -> Iterator[str]:
    """`kubectl describe pod` shows why a container of ours ended, also where it could not say so itself."""
    for pod in _ours(objects):
        for container in pod.our_containers:
            if container.get("terminationMessagePolicy") != "FallbackToLogsOnError":
                yield f"{pod.where} {container['name']}: a pod that is killed leaves no message"


def pinned(objects: Sequence[Manifest]) -> Iterator[str]:
    """Every image has a tag or digest that is not `latest`."""
    for pod in pods(objects):
        for container in pod.containers:
            name = container["image"].rsplit("/", 1)[-1]
            if ":" not in name or name.endswith(":latest"):
                yield f"{pod.where}: image {container['image']} may be another tomorrow"


def whole_numbers(objects: Sequence[Manifest]) -> Iterator[str]:
    """Every number is written out: the server takes no 1e+06 for a million, as templates like to write it."""
    for each in objects:
        yield from (
            f"{each['kind']} {each['metadata']['name']}: {path} is {value}" for path, value in _floats(each, "")
        )


def _floats(value: object, path: str) -> Iterator[tuple[str, float]]:
    if isinstance(value, float):
        yield path.removeprefix("."), value
    parts = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, part in parts:
        yield from _floats(part, f"{path}.{key}")


def _ours(objects: Sequence[Manifest]) -> Iterator[Pod]:
    return (pod for pod in pods(objects) if pod.our_containers)


RULES = (
    restricted,
    alone,
    our_user,
    writable,
    resources,
    optional_secrets,
    hidden_secrets,
    single_names,
    last_words,
    pinned,
    whole_numbers,
)
