"""What Kubernetes does with an Indexed Job, as far as its pods can tell: who starts when, knowing what, and then what.

It reads the Job's own manifest, and starts whatever it is given as a pod. Behaviour: Kubernetes documentation, "Jobs",
"Pod failure policy" and "Backoff limit per index".
"""

import random
import re
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from typing import Any, Literal

Action = Literal["Succeed", "Ignore", "FailIndex", "FailJob", "Count"]
Object = Mapping[str, Any]

_BRACKETS = re.compile(r"metadata\.(labels|annotations)\['([^']+)'\]")
_PREFIX = "batch.kubernetes.io"


@dataclass(frozen=True, kw_only=True)
class Pod:
    """One start of an index, with what the downward API would tell it."""

    index: int
    failures: int
    ignored: int
    labels: Mapping[str, str]
    annotations: Mapping[str, str]


@dataclass(frozen=True, kw_only=True)
class PodEnd:
    """How a pod ended: the container that did, its code, and whether the cluster had wanted the pod away."""

    container: str
    code: int
    is_disrupted: bool = False


@dataclass(kw_only=True)
class JobStatus:
    """What became of a Job; `starts` by index, in the order in which they ended."""

    completed: list[int] = field(default_factory=list)
    failed: list[int] = field(default_factory=list)
    failed_by_rule: PodEnd | None = None
    starts: dict[int, list[PodEnd]] = field(default_factory=dict)


def run_job(job: Object, start: Callable[[Pod], PodEnd], *, uid: str, seed: int) -> JobStatus:
    """Run every index, shuffled, as many at once as the manifest says, until each has an end.

    Parameters
    ----------
    job : the manifest.
    start : runs one pod to its end; called from as many threads as there are pods at once.
    uid : of the Job.
    """
    spec, status = job["spec"], JobStatus()
    labels = {f"{_PREFIX}/job-name": job["metadata"]["name"], f"{_PREFIX}/controller-uid": uid}
    waiting = [(index, 0, 0) for index in range(spec["completions"])]
    random.Random(seed).shuffle(waiting)
    running: dict[Future[PodEnd], Pod] = {}
    with ThreadPoolExecutor(spec["parallelism"]) as pods:
        while running or waiting:
            while waiting and len(running) < spec["parallelism"] and status.failed_by_rule is None:
                pod = _pod(*waiting.pop(0), labels)
                running[pods.submit(start, pod)] = pod
            if not running:
                return status
            for ended in wait(running, return_when=FIRST_COMPLETED).done:
                again = _settle(spec, status, running.pop(ended), ended.result())
                waiting += [again] if again is not None else []
    return status


def action_for(rules: Sequence[Object], end: PodEnd) -> Action:
    """What the first rule that fits says; without one a failure counts."""
    if end.code == 0:
        return "Succeed"
    for rule in rules:
        conditions = {condition["type"] for condition in rule.get("onPodConditions", [])}
        if end.is_disrupted and "DisruptionTarget" in conditions:
            return _action(rule)
        codes = rule.get("onExitCodes")
        if codes is not None and codes["containerName"] == end.container:
            assert codes["operator"] == "In" and 0 not in codes["values"]
            if end.code in codes["values"]:
                return _action(rule)
    return "Count"


def environment_of(
    container: Object,
    pod: Pod,
    *,
    config_maps: Mapping[str, Mapping[str, str]],
    secrets: Mapping[str, Mapping[str, str]],
) -> dict[str, str]:
    """The environment that a container of the pod gets."""
    found = {"JOB_COMPLETION_INDEX": str(pod.index), "KUBERNETES_SERVICE_HOST": "10.0.0.1"}
    for source in container.get("envFrom", []):
        ((kind, reference),) = source.items()
        found |= (config_maps if kind == "configMapRef" else secrets).get(reference["name"], {})
    for variable in container.get("env", []):
        found[variable["name"]] = variable["value"] if "value" in variable else _told(variable["valueFrom"], pod)
    return found


def _pod(index: int, failures: int, ignored: int, labels: Mapping[str, str]) -> Pod:
    annotations = {"job-completion-index": index, "job-index-failure-count": failures}
    if ignored:
        annotations["job-index-ignored-failure-count"] = ignored
    return Pod(
        index=index,
        failures=failures,
        ignored=ignored,
        labels={**labels, f"{_PREFIX}/job-completion-index": str(index)},
        annotations={f"{_PREFIX}/{name}": str(value) for name, value in annotations.items()},
    )


def _settle(spec: Object, status: JobStatus, pod: Pod, end: PodEnd) -> tuple[int, int, int] | None:
    """Enter a pod's end; the index, its failures and its ignored ones where it starts once more."""
    status.starts.setdefault(pod.index, []).append(end)
    action = action_for(spec["podFailurePolicy"]["rules"], end)
    if action == "Ignore":
        return pod.index, pod.failures, pod.ignored + 1
    if action == "Count" and pod.failures < spec["backoffLimitPerIndex"]:
        return pod.index, pod.failures + 1, pod.ignored
    if action == "FailJob":
        status.failed_by_rule = end
    (status.completed if action == "Succeed" else status.failed).append(pod.index)
    return None


def _action(rule: Object) -> Action:
    action: Action = rule["action"]
    assert action in ("Ignore", "FailIndex", "FailJob", "Count")
    return action


def _told(source: Object, pod: Pod) -> str:
    found = _BRACKETS.fullmatch(source["fieldRef"]["fieldPath"])
    assert found is not None, source
    told = pod.labels if found[1] == "labels" else pod.annotations
    return told.get(found[2], "")
