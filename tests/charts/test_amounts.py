"""What containers ask for and are limited to: no install breaks off half-way for it, and no GPU pod for its memory."""

import pytest

from job.kubernetes.window_job import GPU_MEMORY_LIMIT
from tests.support.cluster_tools import found, helm_template, set_objects


@pytest.mark.parametrize(
    ("where", "requests", "limits", "what"),
    [
        ("runDefaults", '{"memory":"4Gi"}', '{"memory":"2Gi"}', "trainer of run requests 4Gi of memory"),
        ("waiting", '{"cpu":0.5}', '{"cpu":"400m"}', "requests 0.5 of cpu"),
        ("prune", '{"memory":1073741825}', '{"memory":"1Gi"}', "trainer of prune requests"),
    ],
)
def test_more_than_its_limit_is_refused(where: str, requests: str, limits: str, what: str) -> None:
    """The server would refuse it too, but after it has taken half of the release."""
    switched_on = '"enabled":true,' if where == "prune" else ""
    resources = f'{{"requests":{requests},"limits":{limits}}}'
    refused = helm_template("--set-json", f'{where}={{{switched_on}"resources":{resources}}}')
    assert refused.returncode != 0
    assert what in refused.stderr and "raise limits." in refused.stderr, refused.stderr


@pytest.mark.parametrize(("said", "due"), [("4095Mi", "4Gi"), ("4295M", "4295M")])
def test_window_on_a_gpu_has_the_memory_that_cuda_keeps(said: str, due: str) -> None:
    """At least as much as the printed Job of the program; more where more was said. Windows on CPUs keep theirs."""
    runs = '[{"name":"gpu","schedule":"@daily","gpu":{"enabled":true}},{"name":"cpu","schedule":"@daily"}]'
    objects = set_objects(f"runs={runs}", f'runDefaults.resources.limits.memory="{said}"')
    limits = {}
    for name in ("gpu", "cpu"):
        pod = found(objects, "CronJob", f"-{name}")["spec"]["jobTemplate"]["spec"]["template"]["spec"]
        limits[name] = pod["containers"][0]["resources"]["limits"]
    assert GPU_MEMORY_LIMIT == "4Gi"
    assert limits == {"gpu": {"memory": due, "nvidia.com/gpu": "1"}, "cpu": {"memory": said}}
