"""The Indexed Job of a walk-forward: one window an index, and for each way in which a pod ends what becomes of it.

References
----------
Kubernetes documentation: "Jobs", "Handling retriable and non-retriable pod failures with Pod failure policy",
"Pod Security Standards" (restricted), and its enhancements 3329, 3850 and 3939.
"""

from dataclasses import dataclass

from job.errors import ExitCode
from job.kubernetes.document import Value

MAIN_CONTAINER = "trainer"
WAIT_CONTAINER = "wait"
WAIT = "15m"
NEEDS = "schema,features,store"
USER = 10_001
# Same for every pod, so the Job ends instead of being retried by each index; or this window's own, so its index ends.
FAIL_JOB = (ExitCode.CHECK_FAILED, ExitCode.USAGE, ExitCode.CONFIG)
FAIL_JOB_WAITING = (ExitCode.USAGE, ExitCode.CONFIG)
FAIL_INDEX = (ExitCode.DATA, ExitCode.NO_DATA)
GRACE_S = 120  # many times what a pod takes to leave: a fit's last step, and a few objects to store
DEADLINE_S = 2 * 24 * 3600  # pending pods count too, and an ignored disruption is retried without end
KEPT_S = 7 * 24 * 3600  # pods go with their Job, and their logs with them
MEMORY, MEMORY_LIMIT = "1Gi", "2Gi"
WAIT_MEMORY, WAIT_MEMORY_LIMIT = "256Mi", "512Mi"
TMP_SIZE = "1Gi"
GPU = "nvidia.com/gpu"
GPU_MEMORY_LIMIT = "4Gi"  # holds what CUDA keeps on the host, and the shared memory
SHM_SIZE = "512Mi"  # 64 MB, as it would be, is too small for whatever loads data beside CUDA
METRICS_PORT = 8052  # not the dashboard's: where processes share a host, both can be asked

_LABELS: dict[str, Value] = {
    "app.kubernetes.io/name": "lorentzian-trainer",
    "app.kubernetes.io/component": "walkforward",
}
# What a pod knows of its Job, by the setting that takes it.
_FROM_POD = {
    "LORENTZIAN_JOB_NAME": "metadata.labels['batch.kubernetes.io/job-name']",
    "LORENTZIAN_JOB_UID": "metadata.labels['batch.kubernetes.io/controller-uid']",
    "LORENTZIAN_INDEX_FAILURES": "metadata.annotations['batch.kubernetes.io/job-index-failure-count']",
}
_WAIT_RESOURCES: Value = {
    "requests": {"cpu": "100m", "memory": WAIT_MEMORY},
    "limits": {"memory": WAIT_MEMORY_LIMIT},
}
_SETTINGS = "lorentzian-settings"  # a ConfigMap of settings that several Jobs share
# Optional, so that the program starts without them, and says which secret and key it lacks.
_SECRETS = ("lorentzian-database", "lorentzian-store")


@dataclass(frozen=True, kw_only=True)
class WindowJob:
    """What tells one such Job from another.

    Parameters
    ----------
    name, image : of the Job, and of what its containers run.
    completions : windows of the plan.
    parallelism : pods at once.
    attempts : starts that each index is given.
    service_account : that its pods run as; must be there, or none is ever made.
    arguments, wait_arguments : flags of `lorentzian window`, and of the `lorentzian doctor` that waits before it.
    threads : processors that a pod asks for.
    has_gpu : whether it asks for a GPU.
    """

    name: str
    image: str
    completions: int
    parallelism: int
    attempts: int
    service_account: str
    arguments: tuple[str, ...] = ()
    wait_arguments: tuple[str, ...] = ()
    threads: int = 1
    has_gpu: bool = False


def job_document(job: WindowJob) -> dict[str, Value]:
    """The Job, ready to be written."""
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": job.name, "labels": dict(_LABELS)},
        "spec": {
            "completionMode": "Indexed",
            "completions": job.completions,
            "parallelism": job.parallelism,
            "backoffLimitPerIndex": job.attempts - 1,
            "maxFailedIndexes": job.completions,  # every window has its turn; the run is finalized without the failed
            "podReplacementPolicy": "Failed",
            "activeDeadlineSeconds": DEADLINE_S,
            "ttlSecondsAfterFinished": KEPT_S,
            "podFailurePolicy": {"rules": failure_rules()},
            "template": {"metadata": {"labels": dict(_LABELS)}, "spec": _pod(job)},
        },
    }


def failure_rules() -> list[Value]:
    """What becomes of a pod that failed; the first rule that fits decides, and without one the failure counts."""
    return [
        {"action": "Ignore", "onPodConditions": [{"type": "DisruptionTarget", "status": "True"}]},
        _rule("FailIndex", MAIN_CONTAINER, FAIL_INDEX),
        _rule("FailJob", MAIN_CONTAINER, FAIL_JOB),
        # Whoever waits meets a missing secret first.
        _rule("FailJob", WAIT_CONTAINER, FAIL_JOB_WAITING),
    ]


def _rule(action: str, container: str, codes: tuple[ExitCode, ...]) -> Value:
    values: list[Value] = [int(code) for code in codes]
    return {"action": action, "onExitCodes": {"containerName": container, "operator": "In", "values": values}}


def _pod(job: WindowJob) -> dict[str, Value]:
    pod: dict[str, Value] = {
        "restartPolicy": "Never",
        "terminationGracePeriodSeconds": GRACE_S,
        "serviceAccountName": job.service_account,
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": USER,
            "runAsGroup": USER,
            "fsGroup": USER,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "initContainers": [
            _container(job, WAIT_CONTAINER, ("doctor", "--wait", WAIT, "--need", NEEDS, *job.wait_arguments), [])
        ],
        "containers": [_container(job, MAIN_CONTAINER, ("window", *job.arguments), _of_index(job))],
        "volumes": _volumes(job),
    }
    if job.has_gpu:
        pod["tolerations"] = [{"key": GPU, "operator": "Exists", "effect": "NoSchedule"}]
    return pod


def _volumes(job: WindowJob) -> list[Value]:
    volumes: list[Value] = [{"name": "tmp", "emptyDir": {"sizeLimit": TMP_SIZE}}]
    if job.has_gpu:
        volumes.append({"name": "shm", "emptyDir": {"medium": "Memory", "sizeLimit": SHM_SIZE}})
    return volumes


def _container(job: WindowJob, name: str, arguments: tuple[str, ...], env: list[Value]) -> Value:
    sources: list[Value] = [{"configMapRef": {"name": _SETTINGS, "optional": True}}]
    sources += [{"secretRef": {"name": secret, "optional": True}} for secret in _SECRETS]
    ports: dict[str, Value] = {"ports": [{"name": "metrics", "containerPort": METRICS_PORT}]}
    mounts: list[Value] = [{"name": "tmp", "mountPath": "/tmp"}]
    if job.has_gpu and name == MAIN_CONTAINER:
        mounts.append({"name": "shm", "mountPath": "/dev/shm"})
    return {
        "name": name,
        "image": job.image,
        "args": list(arguments),
        "envFrom": sources,
        "env": env,
        **(ports if name == MAIN_CONTAINER else {}),
        "resources": _resources(job) if name == MAIN_CONTAINER else _WAIT_RESOURCES,
        "terminationMessagePolicy": "FallbackToLogsOnError",  # who was killed for memory leaves the log's last lines
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
            "readOnlyRootFilesystem": True,
        },
        "volumeMounts": mounts,
    }


def _resources(job: WindowJob) -> Value:
    limits: dict[str, Value] = {"memory": GPU_MEMORY_LIMIT, GPU: 1} if job.has_gpu else {"memory": MEMORY_LIMIT}
    return {"requests": {"cpu": job.threads, "memory": MEMORY}, "limits": limits}


def _of_index(job: WindowJob) -> list[Value]:
    """What a window is told of its Job; the index itself comes from Kubernetes."""
    told: list[Value] = [
        {"name": "LORENTZIAN_METRICS_PORT", "value": str(METRICS_PORT)},
        {"name": "LORENTZIAN_COMPLETIONS", "value": str(job.completions)},
        {"name": "LORENTZIAN_ATTEMPTS", "value": str(job.attempts)},
    ]
    return told + [{"name": name, "valueFrom": {"fieldRef": {"fieldPath": path}}} for name, path in _FROM_POD.items()]
