from typing import Any

import pytest

from job.errors import ExitCode
from job.kubernetes.window_job import MAIN_CONTAINER, WAIT_CONTAINER, WindowJob, failure_rules, job_document
from tests.support.job_controller import PodEnd, action_for

RETRIED = {ExitCode.BUG, ExitCode.NO_GPU, ExitCode.UNAVAILABLE, ExitCode.CANCELLED, ExitCode.TERMINATED}
JOB = WindowJob(name="walkforward", image="image", completions=21, parallelism=4, attempts=3, service_account="trainer")


def pod_of(job: WindowJob) -> dict[str, Any]:
    """The pod that a Job makes."""
    document: Any = job_document(job)
    pod: dict[str, Any] = document["spec"]["template"]["spec"]
    return pod


@pytest.mark.parametrize("code", ExitCode)
def test_every_exit_code_has_its_consequence(code: ExitCode) -> None:
    """What is wrong for all ends the Job, what is wrong here ends the index, and the rest is tried again."""
    action = action_for(failure_rules(), PodEnd(container=MAIN_CONTAINER, code=code))
    expected = {ExitCode.DONE: "Succeed", ExitCode.DATA: "FailIndex", ExitCode.NO_DATA: "FailIndex"}
    expected |= dict.fromkeys(RETRIED, "Count")
    assert action == expected.get(code, "FailJob")


@pytest.mark.parametrize("code", [137, 139])
def test_killed_pods_are_tried_again(code: int) -> None:
    """Out of memory and a segmentation fault count as failures."""
    assert action_for(failure_rules(), PodEnd(container=MAIN_CONTAINER, code=code)) == "Count"


@pytest.mark.parametrize("code", [65, 78, 137, 143])
def test_moved_pods_are_not_counted(code: int) -> None:
    """A disruption decides before any code does."""
    assert action_for(failure_rules(), PodEnd(container=MAIN_CONTAINER, code=code, is_disrupted=True)) == "Ignore"


def test_missing_secret_ends_the_job_where_it_is_met() -> None:
    """The waiting container meets it first; that it waited in vain is tried again."""
    assert action_for(failure_rules(), PodEnd(container=WAIT_CONTAINER, code=78)) == "FailJob"
    assert action_for(failure_rules(), PodEnd(container=WAIT_CONTAINER, code=75)) == "Count"


def test_code_of_a_helper_container_means_nothing() -> None:
    """A sidecar that ends with 78 has its own reasons."""
    assert action_for(failure_rules(), PodEnd(container="proxy", code=78)) == "Count"


def test_rules_are_ones_that_the_server_takes() -> None:
    """Named containers exist; codes are sorted, without 0, and no code stands in two rules of a container."""
    document: Any = job_document(JOB)
    names = {each["name"] for kind in ("initContainers", "containers") for each in pod_of(JOB)[kind]}
    seen: set[tuple[str, int]] = set()
    for rule in document["spec"]["podFailurePolicy"]["rules"]:
        codes = rule.get("onExitCodes", {"containerName": MAIN_CONTAINER, "values": []})
        assert codes["containerName"] in names
        assert codes["values"] == sorted(codes["values"])
        own = {(codes["containerName"], code) for code in codes["values"]}
        assert not own & seen and not any(code == 0 for _, code in own)
        seen |= own


def test_job_has_the_semantics_of_independent_windows() -> None:
    """Each index has its own retries and its turn; nothing that the server refuses beside a failure policy is set."""
    document: Any = job_document(JOB)
    spec = document["spec"]
    assert (spec["completionMode"], spec["completions"], spec["parallelism"]) == ("Indexed", 21, 4)
    assert (spec["backoffLimitPerIndex"], spec["maxFailedIndexes"]) == (2, 21)
    assert spec["podReplacementPolicy"] == "Failed"
    assert pod_of(JOB)["restartPolicy"] == "Never"
    assert not {"selector", "manualSelector", "managedBy", "backoffLimit", "suspend"} & set(spec)


def test_every_pod_is_restricted() -> None:
    """Pod Security's restricted profile, a root that cannot be written, no token and no links to services."""
    pod = pod_of(JOB)
    assert (
        pod["securityContext"]["runAsNonRoot"] and pod["securityContext"]["seccompProfile"]["type"] == "RuntimeDefault"
    )
    assert not pod["automountServiceAccountToken"] and not pod["enableServiceLinks"]
    assert all(set(volume) == {"name", "emptyDir"} for volume in pod["volumes"])
    for container in (*pod["initContainers"], *pod["containers"]):
        context = container["securityContext"]
        assert not context["allowPrivilegeEscalation"] and context["readOnlyRootFilesystem"]
        assert context["capabilities"] == {"drop": ["ALL"]}
        assert all(each["secretRef"]["optional"] for each in container["envFrom"] if "secretRef" in each)


def test_gpu_is_asked_for_where_it_is_used() -> None:
    """The trainer alone asks for it, and the pod may stand on a node that is kept for such."""
    pod = pod_of(WindowJob(**{**vars(JOB), "has_gpu": True, "threads": 4}))
    (trainer,), (wait,) = pod["containers"], pod["initContainers"]
    assert trainer["resources"]["limits"]["nvidia.com/gpu"] == 1
    assert trainer["resources"]["requests"]["cpu"] == 4
    assert "nvidia.com/gpu" not in wait["resources"]["limits"]
    assert pod["tolerations"] == [{"key": "nvidia.com/gpu", "operator": "Exists", "effect": "NoSchedule"}]
    assert "tolerations" not in pod_of(JOB)
