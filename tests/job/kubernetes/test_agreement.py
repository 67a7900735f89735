"""The Job in `k8s/base` and the one that `lorentzian plan --manifest` prints mean the same."""

from typing import Any

import pytest

from job.kubernetes.window_job import WindowJob, job_document
from job.settings.operation import ManifestSettings
from tests.support.repository import ROOT

yaml = pytest.importorskip("yaml", reason="PyYAML is not installed")

JOB_FIELDS = (
    "completionMode",
    "completions",
    "backoffLimitPerIndex",
    "maxFailedIndexes",
    "podReplacementPolicy",
    "podFailurePolicy",
)
POD_FIELDS = (
    "restartPolicy",
    "terminationGracePeriodSeconds",
    "serviceAccountName",
    "automountServiceAccountToken",
    "enableServiceLinks",
    "securityContext",
)
CONTAINER_FIELDS = ("securityContext", "terminationMessagePolicy", "args", "ports")


@pytest.fixture(scope="module")
def base() -> dict[str, Any]:
    """The Indexed Job of `k8s/base`."""
    documents = yaml.safe_load_all((ROOT / "k8s/base/walkforward.yaml").read_text())
    (job,) = [each for each in documents if each["spec"].get("completionMode") == "Indexed"]
    found: dict[str, Any] = job
    return found


@pytest.fixture(scope="module")
def printed(base: dict[str, Any]) -> dict[str, Any]:
    """The Job that is printed for as many windows."""
    completions, account = base["spec"]["completions"], ManifestSettings().service_account
    job = WindowJob(name="a", image="b", completions=completions, parallelism=1, attempts=3, service_account=account)
    found: dict[str, Any] = yaml.safe_load(yaml.safe_dump(job_document(job)))
    return found


def containers(job: dict[str, Any]) -> dict[str, Any]:
    """Containers by name."""
    pod = job["spec"]["template"]["spec"]
    return {each["name"]: each for each in (*pod["initContainers"], *pod["containers"])}


@pytest.mark.parametrize("name", JOB_FIELDS)
def test_jobs_agree(base: dict[str, Any], printed: dict[str, Any], name: str) -> None:
    """Windows, retries, and what becomes of each way to end."""
    assert base["spec"][name] == printed["spec"][name]


@pytest.mark.parametrize("name", POD_FIELDS)
def test_pods_agree(base: dict[str, Any], printed: dict[str, Any], name: str) -> None:
    """How a pod is stopped, and what it may do."""
    assert base["spec"]["template"]["spec"][name] == printed["spec"]["template"]["spec"][name]


@pytest.mark.parametrize("name", CONTAINER_FIELDS)
def test_containers_agree(base: dict[str, Any], printed: dict[str, Any], name: str) -> None:
    """The same names, the same commands, the same rights."""
    found = [{key: each.get(name) for key, each in containers(job).items()} for job in (base, printed)]
    assert found[0] == found[1]


def test_pods_are_told_the_same_of_their_job(base: dict[str, Any], printed: dict[str, Any]) -> None:
    """Name, uid, failures, completions and attempts; the days of the windows may stand beside them."""
    told = [{each["name"]: each for each in containers(job)["trainer"]["env"]} for job in (base, printed)]
    assert told[0].items() >= told[1].items()
    others = told[0].keys() - told[1].keys()
    assert others <= {"LORENTZIAN_DATA_DAYS", "LORENTZIAN_WINDOW_SIZE", "LORENTZIAN_WALKFORWARD_TEST_SIZE"}


def test_completions_are_the_windows_of_the_days(base: dict[str, Any]) -> None:
    """Whoever changes the days must change the completions, or no pod would start."""
    from job.run.cuts import num_windows
    from job.settings.procedure import WindowSettings

    told = {each["name"]: each.get("value") for each in containers(base)["trainer"]["env"]}
    days = WindowSettings(
        data_days=int(told.get("LORENTZIAN_DATA_DAYS") or 180),
        window_size=int(told.get("LORENTZIAN_WINDOW_SIZE") or 30),
        test_size=int(told.get("LORENTZIAN_WALKFORWARD_TEST_SIZE") or 7),
    )
    assert base["spec"]["completions"] == num_windows(days) == int(told["LORENTZIAN_COMPLETIONS"] or 0)


def test_jobs_on_gpus_agree() -> None:
    """Tolerations, limits and shared memory are those of the overlay; who waits has no use for them."""
    (patch,) = yaml.safe_load_all((ROOT / "k8s/overlays/gpu/gpu.yaml").read_text())
    overlay = patch["spec"]["template"]["spec"]
    (patched,) = overlay["containers"]
    document = job_document(
        WindowJob(name="a", image="b", completions=2, parallelism=1, attempts=3, service_account="c", has_gpu=True)
    )
    job = yaml.safe_load(yaml.safe_dump(document))
    pod, trainer, wait = job["spec"]["template"]["spec"], containers(job)["trainer"], containers(job)["wait"]
    assert pod["tolerations"] == overlay["tolerations"]
    assert pod["volumes"][1:] == overlay["volumes"]
    assert trainer["volumeMounts"][1:] == patched["volumeMounts"]
    assert trainer["resources"]["limits"] == patched["resources"]["limits"] | {"nvidia.com/gpu": 1}
    assert len(wait["volumeMounts"]) == 1 and "nvidia.com/gpu" not in str(wait["resources"])
