"""What the API server refuses of any object, and its published schemas do not say: names, labels, and amounts.

References: `k8s.io/apimachinery/pkg/util/validation`, and the validation of core/v1 in the Kubernetes sources.
"""

import re
from collections.abc import Iterator, Sequence
from decimal import Decimal

from tests.support.cluster_tools import Manifest
from tests.support.pods import labels_of, pods

LABEL = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")  # DNS-1123
SUBDOMAIN = re.compile(rf"{LABEL.pattern}(\.{LABEL.pattern})*")
SERVICE = re.compile(r"[a-z]([a-z0-9-]{0,61}[a-z0-9])?")  # DNS-1035
PORT = re.compile(r"(?=.*[a-z])(?!.*--)[a-z0-9]([a-z0-9-]{0,13}[a-z0-9])?")
LABEL_VALUE = re.compile(r"([A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?)?")
LABEL_KEY = re.compile(r"([a-z0-9.-]{1,253}/)?[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?")
VARIABLE = re.compile(r"[A-Za-z_.-][A-Za-z0-9_.-]*")
FIELD = re.compile(
    r"metadata\.(name|namespace|uid)|metadata\.(labels|annotations)\['[^']+'\]|spec\.nodeName|status\.podIPs?"
)
AMOUNT = re.compile(r"([0-9]+(?:\.[0-9]+)?)(m|k|M|G|T|Ki|Mi|Gi|Ti)?")
FACTORS = {"": 1, "m": Decimal("0.001"), "k": 10**3, "M": 10**6, "G": 10**9, "T": 10**12} | {
    f"{letter}i": 1024**power for power, letter in enumerate("KMGT", start=1)
}


def named(objects: Sequence[Manifest]) -> Iterator[str]:
    """Objects, containers, volumes, ports, variables and labels are called as the server lets them be called."""
    for each in objects:
        name = each["metadata"]["name"]
        if (SERVICE if each["kind"] == "Service" else SUBDOMAIN).fullmatch(name) is None or len(name) > 253:
            yield f"{each['kind']} {name}: no object may be called so"
        yield from (f"{each['kind']} {name}: {fault}" for fault in _labels(each["metadata"]))
    for pod in pods(objects):
        yield from (f"{pod.where}: {fault}" for fault in _labels(pod.metadata))
        words = [(LABEL, container["name"]) for container in pod.containers]
        words += [(LABEL, volume["name"]) for volume in pod.spec.get("volumes", ())]
        words += [(PORT, port["name"]) for container in pod.containers for port in container.get("ports", ())]
        words += [(VARIABLE, each["name"]) for container in pod.containers for each in container.get("env", ())]
        yield from (
            f"{pod.where}: nothing in it may be called {word}" for form, word in words if not form.fullmatch(word)
        )


def _labels(metadata: Manifest) -> Iterator[str]:
    for key, value in labels_of(metadata).items():
        if LABEL_KEY.fullmatch(key) is None or not isinstance(value, str) or LABEL_VALUE.fullmatch(value) is None:
            yield f"no label may be {key}: {value!r}"
    yield from (
        f"the annotation {key} is no text"
        for key, value in (metadata.get("annotations") or {}).items()
        if not isinstance(value, str)
    )


def fields(objects: Sequence[Manifest]) -> Iterator[str]:
    """What a pod is told of itself is what it can be told."""
    for pod in pods(objects):
        for variable in (each for container in pod.containers for each in container.get("env", ())):
            if "value" in variable and not isinstance(variable["value"], str):
                yield f"{pod.where}: the value of {variable['name']} is no text"
            path = variable.get("valueFrom", {}).get("fieldRef", {}).get("fieldPath")
            if path is not None and FIELD.fullmatch(path) is None:
                yield f"{pod.where}: no pod is told {path}"


def amounts(objects: Sequence[Manifest]) -> Iterator[str]:
    """Nothing asks for more than its limit, and what cannot be shared, such as a GPU, is limited in whole numbers."""
    for pod in pods(objects):
        for container in pod.containers:
            asked = {name: _amount(text) for name, text in container["resources"].get("requests", {}).items()}
            limits = {name: _amount(text) for name, text in container["resources"].get("limits", {}).items()}
            for name, most in limits.items():
                if asked.get(name, 0) > most:
                    yield f"{pod.where} {container['name']}: asks for more {name} than its limit"
                if "/" in name and (most != int(most) or asked.get(name, most) != most):
                    yield f"{pod.where} {container['name']}: {name} can be had in whole numbers alone"
        for volume in (each["emptyDir"] for each in pod.spec.get("volumes", ()) if "emptyDir" in each):
            _amount(volume.get("sizeLimit", "0"))


def _amount(text: object) -> Decimal:
    found = AMOUNT.fullmatch(str(text))
    assert found is not None, f"{text} is no amount"
    return Decimal(found[1]) * FACTORS[found[2] or ""]


RULES = (named, fields, amounts)
