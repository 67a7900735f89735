"""What each option of the chart changes in what is installed, and what it leaves alone."""

from typing import Any

import pytest

from tests.support.cluster_tools import Manifest, chart_objects, found, set_objects
from tests.support.pods import environment, jobs, labels_of, pods


def _run(case: str, name: str) -> tuple[Manifest, Manifest, Manifest]:
    """The Job template of a run, its pod and its main container."""
    job = found(chart_objects(case), "CronJob", f"trainer-{name}")["spec"]["jobTemplate"]
    pod = job["spec"]["template"]["spec"]
    return job, pod, pod["containers"][0]


def _dashboard(case: str) -> tuple[Manifest, Manifest]:
    pod = found(chart_objects(case), "Deployment", "dashboard")["spec"]["template"]["spec"]
    return pod, pod["containers"][0]


def test_gpu_is_asked_for_by_its_name() -> None:
    """Resource, tolerations, runtime class and shared memory follow the values; so does the device of the program."""
    _, pod, trainer = _run("gpu", "whole")
    assert trainer["resources"]["limits"] == {"memory": "4Gi", "nvidia.com/gpu": "1"}
    assert environment(trainer, ())["LORENTZIAN_DEVICE"] == "cuda"
    assert pod["tolerations"] == [{"key": "nvidia.com/gpu", "operator": "Exists", "effect": "NoSchedule"}]
    assert "runtimeClassName" not in pod
    assert {"name": "shm", "mountPath": "/dev/shm"} in trainer["volumeMounts"]
    assert {"name": "shm", "emptyDir": {"medium": "Memory", "sizeLimit": "1Gi"}} in pod["volumes"]
    assert "nvidia.com/gpu" not in str(pod["initContainers"])


def test_shared_gpu_has_another_name() -> None:
    """A run may say of its GPU what differs; what it says of its device is believed."""
    _, pod, trainer = _run("gpu", "shared")
    assert trainer["resources"]["limits"]["nvidia.com/gpu.shared"] == "1"
    assert pod["runtimeClassName"] == "nvidia"
    assert "tolerations" not in pod
    assert environment(trainer, ())["LORENTZIAN_DEVICE"] == "auto"
    assert environment(trainer, ())["PYTORCH_ALLOC_CONF"] == "per_process_memory_fraction:0.45"
    for other in ("whole", "plain"):
        assert "PYTORCH_ALLOC_CONF" not in environment(_run("gpu", other)[2], ())


def test_run_without_gpu_asks_for_none() -> None:
    """Among runs on GPUs one can stay on the CPU, with tolerations of its own."""
    _, pod, trainer = _run("gpu", "plain")
    assert trainer["resources"]["limits"] == {"memory": "4Gi"}
    assert "LORENTZIAN_DEVICE" not in environment(trainer, ())
    assert pod["tolerations"] == [{"key": "batch", "operator": "Exists"}]
    assert "nodeSelector" not in pod  # it has said that it wants none
    assert _run("gpu", "shared")[1]["nodeSelector"] == {"nvidia.com/gpu.present": "true"}
    assert [volume["name"] for volume in pod["volumes"]] == ["tmp"]


def test_kueue_gets_the_label_on_the_job() -> None:
    """The queue stands in the template of the Job; partial admission only where it was asked for."""
    partial, _, _ = _run("kueue", "partial")
    whole, _, _ = _run("kueue", "whole")
    for job in (partial, whole):
        assert job["metadata"]["labels"]["kueue.x-k8s.io/queue-name"] == "training"
        assert job["metadata"]["labels"]["kueue.x-k8s.io/priority-class"] == "low"
        assert "kueue" not in str(job["spec"])
    assert partial["metadata"]["annotations"] == {"kueue.x-k8s.io/job-min-parallelism": "4"}
    assert "annotations" not in whole["metadata"]


def test_secrets_are_named_by_name_and_key() -> None:
    """A password beside a host, roles instead of keys: nothing but references, and no key of the store."""
    _, _, trainer = _run("cloud", "weekly")
    told = environment(trainer, ())
    assert {name: told[name] for name in told if name.startswith("PG")} == {
        "PGHOST": "postgres.databases.svc",
        "PGPORT": "6432",
        "PGDATABASE": "klines",
        "PGUSER": "trainer",
        "PGSSLMODE": "verify-full",
    }
    references = {
        each["name"]: each["valueFrom"]["secretKeyRef"]
        for each in trainer["env"]
        if "secretKeyRef" in each.get("valueFrom", {})
    }
    assert references.pop("PGPASSWORD") == {"name": "postgres-app", "key": "password", "optional": True}
    assert "DATABASE_URL" not in told | references
    assert not [name for name in references if name.startswith("AWS_")]


def test_images_are_pinned_and_pulled_as_told() -> None:
    """Registry, digest, policy and secrets reach both images."""
    for pod in pods(chart_objects("cloud")):
        assert pod.spec["imagePullSecrets"] == [{"name": "registry"}]
        for container in pod.containers:
            assert container["image"].startswith("registry.example:5000/team/lorentzian-trainer")
            assert container["image"].partition("@")[2].startswith("sha256:")
            assert container["imagePullPolicy"] == "Always"


def test_service_accounts_carry_their_roles() -> None:
    """One role trains, another reads; neither pod mounts a token of the cluster."""
    roles = {
        each["metadata"]["name"]: each["metadata"]["annotations"]["eks.amazonaws.com/role-arn"].rsplit("/", 1)[1]
        for each in chart_objects("cloud")
        if each["kind"] == "ServiceAccount"
    }
    assert roles == {"rel-lorentzian-trainer": "trainer", "rel-lorentzian-trainer-dashboard": "reader"}
    accounts = {pod.spec["serviceAccountName"] for pod in pods(chart_objects("cloud"))}
    assert accounts == set(roles)


def test_account_that_nobody_makes_is_the_namespaces_own() -> None:
    """A pod with an account that is not there is never made: without a name it runs as `default`."""
    objects = set_objects("serviceAccount.create=false", "dashboard.serviceAccount.create=false")
    assert not [each for each in objects if each["kind"] == "ServiceAccount"]
    assert {pod.spec["serviceAccountName"] for pod in pods(objects)} == {"default"}


def test_pods_leave_only_by_the_ports_they_need() -> None:
    """Names, database, store and Binance for those that train; the dashboard never reaches the database."""
    objects = chart_objects("cloud")
    trainer, dashboard = (found(objects, "NetworkPolicy", end)["spec"] for end in ("trainer-trainer", "dashboard"))
    assert trainer["ingress"] == []
    assert [[port["port"] for port in way["ports"]] for way in trainer["egress"]] == [[53, 53], [443, 6432], [80]]
    assert [[port["port"] for port in way["ports"]] for way in dashboard["egress"]] == [[53, 53], [443], [80]]
    assert trainer["egress"][2]["to"] == [{"ipBlock": {"cidr": "169.254.170.23/32"}}]


def test_dashboard_asks_for_a_password() -> None:
    """From a Secret, by default; without one it refuses to serve."""
    _, container = _dashboard("defaults")
    told = environment(container, ())
    (password,) = (each for each in container["env"] if each["name"] == "LORENTZIAN_AUTH_PASSWORD")
    assert password["valueFrom"]["secretKeyRef"]["name"] == "lorentzian-dashboard"
    assert "LORENTZIAN_INSECURE_NO_AUTH" not in told
    assert "DATABASE_URL" not in {each["name"] for each in container["env"]}


def test_dashboard_behind_a_proxy_is_reached_through_it_alone() -> None:
    """Without a password of its own, only the proxy's port is let in."""
    objects = chart_objects("oauth2-proxy")
    _, container = _dashboard("oauth2-proxy")
    assert environment(container, ())["LORENTZIAN_INSECURE_NO_AUTH"] == "true"
    (port,) = found(objects, "Service")["spec"]["ports"]
    assert port["targetPort"] == 4180
    policy = found(objects, "NetworkPolicy", "dashboard")["spec"]
    assert [[port["port"] for port in way["ports"]] for way in policy["ingress"]] == [[4180]]
    assert "from" in policy["ingress"][0]


def test_ingress_and_dashboard_agree_on_the_path() -> None:
    """The path that leads in is the one that links are made with; a proxy is believed, or as many as were said."""
    objects = chart_objects("dashboard")
    spec = found(objects, "Ingress")["spec"]
    (rule,) = spec["rules"]
    (path,) = rule["http"]["paths"]
    told = environment(_dashboard("dashboard")[1], ())
    assert (rule["host"], path["path"], spec["ingressClassName"]) == ("models.example", "/lorentzian/", "nginx")
    assert spec["tls"] == [{"secretName": "models-tls", "hosts": ["models.example"]}]
    assert path["backend"]["service"]["name"] == found(objects, "Service")["metadata"]["name"]
    assert (told["LORENTZIAN_URL_PREFIX"], told["LORENTZIAN_PROXY_HOPS"]) == ("/lorentzian/", "2")
    assert "LORENTZIAN_URL_PREFIX" not in environment(_dashboard("defaults")[1], ())
    objects = set_objects('dashboard.ingress={"enabled":true,"hosts":["x.example"]}', "dashboard.settings.proxy-hops=0")
    container = found(objects, "Deployment")["spec"]["template"]["spec"]["containers"][0]
    assert environment(container, ())["LORENTZIAN_PROXY_HOPS"] == "0"  # who says none is believed too


def test_dashboard_may_have_keys_of_its_own() -> None:
    """Keys that only read, and a program that insists on it."""
    _, container = _dashboard("dashboard")
    secrets = {each["valueFrom"]["secretKeyRef"]["name"] for each in container["env"] if "valueFrom" in each}
    assert secrets == {"lorentzian-reader", "lorentzian-dashboard"}
    assert environment(container, ())["LORENTZIAN_REQUIRE_READONLY"] == "true"


@pytest.mark.parametrize(("replicas", "num_budgets"), [("1", 0), ("2", 1), ("null", 0)])
def test_budget_only_with_several_pods(replicas: str, num_budgets: int) -> None:
    """A budget for one pod would keep its node from being drained; without a number an autoscaler decides."""
    objects = set_objects(f"dashboard.replicas={replicas}")
    assert sum(each["kind"] == "PodDisruptionBudget" for each in objects) == num_budgets
    assert ("replicas" in found(objects, "Deployment")["spec"]) is (replicas != "null")
    for budget in (each for each in objects if each["kind"] == "PodDisruptionBudget"):
        assert budget["spec"]["unhealthyPodEvictionPolicy"] == "AlwaysAllow"  # with the store away no pod is ready


def test_metrics_of_pods_that_work_can_be_fetched() -> None:
    """Where a monitor was asked for: a port of the main container, the setting that opens it, and a way in."""
    objects = chart_objects("dashboard")
    serving = {"weekly", "features", "finalize"}
    for job in jobs(objects):
        for container in job.spec["template"]["spec"]["containers"]:
            is_serving = job.owner["metadata"]["name"].rsplit("-", 1)[1] in serving
            assert (container.get("ports") == [{"name": "metrics", "containerPort": 8052}]) is is_serving
            assert (environment(container, ()).get("LORENTZIAN_METRICS_PORT") == "8052") is is_serving
    (way_in,) = found(objects, "NetworkPolicy", "trainer-trainer")["spec"]["ingress"]
    assert way_in["ports"] == [{"protocol": "TCP", "port": 8052}]
    _, _, trainer = _run("defaults", "weekly")
    assert "ports" not in trainer and "LORENTZIAN_METRICS_PORT" not in environment(trainer, ())


def test_outcome_is_pushed_to_a_gateway() -> None:
    """Pods that work are told of it, and let out to it."""
    objects = set_objects('monitoring={"pushgateway":{"url":"http://gateway.monitoring:9091"}}')
    pod = found(objects, "CronJob", "weekly")["spec"]["jobTemplate"]["spec"]["template"]["spec"]
    told = environment(pod["containers"][0], ())
    assert told["LORENTZIAN_METRICS_PUSH"] == "http://gateway.monitoring:9091"
    ways_out = found(objects, "NetworkPolicy", "trainer-trainer")["spec"]["egress"]
    assert {"protocol": "TCP", "port": 9091} in ways_out[1]["ports"]


@pytest.mark.parametrize(
    ("url", "ports"),
    [
        ("", [443, 5432]),
        ("https://minio.example", [443, 5432]),
        ("https://minio.example:9000/", [443, 9000, 5432]),
        ("http://minio", [443, 80, 5432]),
        ("http://[fd00::9]:8333", [443, 8333, 5432]),
    ],
)
def test_policy_follows_the_address_of_the_store(url: str, ports: list[int]) -> None:
    """Nobody has to say the port twice."""
    policies = [each for each in set_objects(f'store.endpointUrl="{url}"') if each["kind"] == "NetworkPolicy"]
    trainer, dashboard = (found(policies, "NetworkPolicy", end)["spec"]["egress"][1]["ports"] for end in ("r", "d"))
    assert [port["port"] for port in trainer] == ports
    assert [port["port"] for port in dashboard] == ports[:-1]


def test_extras_reach_every_container() -> None:
    """Variables, volumes, labels, and objects as maps and as text."""
    objects = chart_objects("extras")
    for pod in pods(objects):
        assert {"name": "authority", "configMap": {"name": "private-authority"}} in pod.spec["volumes"]
        for container in pod.our_containers:
            assert environment(container, ())["AWS_CA_BUNDLE"] == "/etc/authority/ca.crt"
            assert {"secretRef": {"name": "proxy-settings", "optional": True}} in container["envFrom"]
            assert "/etc/authority" in {mount["mountPath"] for mount in container["volumeMounts"]}
    ours = [each for each in objects if each["kind"] not in ("ExternalSecret", "ConfigMap")]
    assert all(labels_of(each["metadata"])["team"] == "quant" for each in ours)
    assert found(objects, "ConfigMap")["metadata"]["name"] == "rel-note"
    assert found(objects, "ExternalSecret")["spec"]["target"] == {"name": "lorentzian-store"}


def test_marks_of_pods_are_the_trainers_alone() -> None:
    """`pod` schedules what trains and collects; the dashboard has a `pod` of its own."""
    marked: dict[str, Any] = {
        pod.where.split()[0]: (labels_of(pod.metadata).get("cost-centre"), pod.spec.get("priorityClassName"))
        for pod in pods(chart_objects("extras"))
    }
    assert marked == {
        "CronJob": ("research", "batch"),
        "Job": ("research", "batch"),
        "Pod": ("research", "batch"),
        "Deployment": (None, None),
    }


def test_labels_are_said_once() -> None:
    """One that several places give has the value of the innermost; a key that comes twice is no YAML."""
    objects = set_objects(
        'commonLabels={"team":"quant","tier":"one"}',
        'pod.labels={"team":"research"}',
        'monitoring.podMonitor={"enabled":true,"labels":{"team":"platform"}}',
    )
    teams = {pod.where.split()[0]: labels_of(pod.metadata)["team"] for pod in pods(objects)}
    assert teams == {"CronJob": "research", "Job": "research", "Pod": "research", "Deployment": "quant"}
    assert labels_of(found(objects, "PodMonitor")["metadata"])["team"] == "platform"
    assert all(labels_of(each["metadata"])["tier"] == "one" for each in objects)


def test_quota_of_processors_can_be_kept() -> None:
    """A limit may be given to the container that waits, too: a quota refuses a pod for want of one."""
    objects = set_objects('waiting.resources.limits={"cpu":"1","memory":"1Gi"}')
    waiting = [each for pod in pods(objects) for each in pod.containers if each["name"] == "wait"]
    assert len(waiting) == 4
    assert all(each["resources"]["limits"] == {"cpu": "1", "memory": "1Gi"} for each in waiting)


def test_no_password_stands_in_what_is_installed() -> None:
    """The chart makes no Secret, and a variable that holds one is a reference."""
    for case in ("defaults", "cloud", "dashboard"):
        objects = chart_objects(case)
        assert not [each for each in objects if each["kind"] == "Secret"]
        for pod in pods(objects):
            for variable in (each for container in pod.containers for each in container["env"]):
                if any(word in variable["name"] for word in ("PASSWORD", "SECRET", "DATABASE_URL", "ACCESS_KEY")):
                    assert "value" not in variable


def test_collection_can_be_left_to_others() -> None:
    """Then the feature rows wait for klines that somebody else stores."""
    objects = set_objects('features={"collect":{"enabled":false}}')
    (job,) = (job for job in jobs(objects) if labels_of(job.metadata)["app.kubernetes.io/component"] == "features")
    (waiting,) = job.spec["template"]["spec"]["initContainers"]
    assert waiting["args"] == ["doctor", "--wait", "15m", "--need", "schema,klines"]
