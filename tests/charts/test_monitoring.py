"""What the chart gives to Prometheus and Grafana: alerts by the real promtool, queries by the metrics that exist."""

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client.metrics import MetricWrapperBase

from job.telemetry.metrics import JOB_METRICS, RUN_METRICS
from tests.support.alert_cases import AlertCase, alert_cases
from tests.support.cluster_tools import Manifest, chart_objects, found, set_objects
from tests.support.pods import labels_of, pods

ENDINGS = re.compile(r"_(bucket|count|sum)$")


def run_promtool(*arguments: str | Path) -> "subprocess.CompletedProcess[str]":
    """Run it; skips where it is absent."""
    tool = shutil.which("promtool")
    if tool is None:
        pytest.skip("promtool is not installed (Debian's package prometheus has it)")
    return subprocess.run([tool, *arguments], capture_output=True, text=True, check=False)


def exported_names() -> set[str]:
    """Every name that one of our programs exports."""
    dashboard = pytest.importorskip("dashboard.run_metrics", reason="dash is not installed")
    telemetry = pytest.importorskip("dashboard.telemetry", reason="dash is not installed")
    own = {metric.sample_name for metric in (*JOB_METRICS, *RUN_METRICS, *dashboard.METRICS)}
    for metric in vars(telemetry).values():
        if isinstance(metric, MetricWrapperBase):
            (family,) = metric.describe()
            own.add(f"{family.name}_total" if family.type == "counter" else family.name)
    return own


def rule_groups() -> list[Manifest]:
    """The groups of the chart's alerts, all of them enabled."""
    groups: list[Manifest] = found(chart_objects("dashboard"), "PrometheusRule")["spec"]["groups"]
    return groups


def grafana_dashboard() -> dict[str, Any]:
    """The dashboard as Grafana gets it."""
    (text,) = found(chart_objects("dashboard"), "ConfigMap", "grafana")["data"].values()
    dashboard: dict[str, Any] = json.loads(text)
    return dashboard


def grafana_queries() -> Iterator[tuple[str, str]]:
    """Every query with the title of its panel."""
    for panel in grafana_dashboard()["panels"]:
        for target in panel.get("targets", []):
            yield panel["title"], target["expr"]


def own_names(expression: str) -> set[str]:
    """Names of ours in a query, as they are exported."""
    return {ENDINGS.sub("", name) for name in re.findall(r"\blorentzian_\w+", expression)}


@pytest.fixture(scope="module")
def rules_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The alerts as Prometheus would load them."""
    path = tmp_path_factory.mktemp("rules") / "rules.yaml"
    path.write_text(yaml.safe_dump({"groups": rule_groups()}))
    return path


def test_alerts_are_rules_that_prometheus_loads(rules_file: Path) -> None:
    """By its own checker."""
    ended = run_promtool("check", "rules", rules_file)
    assert ended.returncode == 0, ended.stdout + ended.stderr


@pytest.mark.slow
def test_alerts_fire_when_they_should_and_only_then(rules_file: Path) -> None:
    """Each fires on its case, and is silent on the same a little better; the labels say of what it speaks."""
    weekly = found(chart_objects("dashboard"), "CronJob", "weekly")["metadata"]["name"]
    cases = alert_cases(weekly)
    written = {rule["alert"]: rule for group in rule_groups() for rule in group["rules"]}
    assert {case.alert for case in cases} == set(written)
    tests = [promtool_test(case, written[case.alert]) for case in cases]
    path = rules_file.with_name("tests.yaml")
    path.write_text(yaml.safe_dump({"rule_files": [rules_file.name], "evaluation_interval": "30m", "tests": tests}))
    ended = run_promtool("test", "rules", path)
    assert ended.returncode == 0, ended.stdout + ended.stderr


def promtool_test(case: AlertCase, rule: Manifest) -> dict[str, Any]:
    """The case in promtool's words; annotations are those of the rule, with its labels and value filled in."""
    labels = case.fires or {}
    value = next(iter(case.series.values())).split("x")[0]
    annotations = {name: filled(text, labels, value) for name, text in rule["annotations"].items()}
    fired = {"exp_labels": labels | rule["labels"], "exp_annotations": annotations}
    return {
        "interval": "1m",
        "input_series": [{"series": name, "values": values} for name, values in case.series.items()],
        "alert_rule_test": [
            {
                "eval_time": f"{case.minutes}m",
                "alertname": case.alert,
                "exp_alerts": [] if case.fires is None else [fired],
            }
        ],
    }


def filled(text: str, labels: dict[str, str], value: str) -> str:
    """An annotation as it is sent; one that names a label which the alert has not is left, and so found out."""
    text = text.replace("{{ $value }}", value)
    return re.sub(r"\{\{ \$labels\.(\w+) \}\}", lambda match: labels.get(match[1], match[0]), text)


def test_alerts_ask_for_metrics_that_exist() -> None:
    """Ours by the names that they are exported under, each alert for one at least, or for a metric of the cluster."""
    for rule in (rule for group in rule_groups() for rule in group["rules"]):
        asked = own_names(rule["expr"])
        assert asked <= exported_names(), rule["alert"]
        assert asked or "kube_" in rule["expr"], rule["alert"]


def test_every_query_of_grafana_asks_for_metrics_that_exist() -> None:
    """And there is one in every panel that draws something."""
    panels = [panel for panel in grafana_dashboard()["panels"] if panel["type"] != "row"]
    assert {title for title, _ in grafana_queries()} == {panel["title"] for panel in panels}
    for title, query in grafana_queries():
        assert own_names(query), title
        assert own_names(query) <= exported_names(), title


def test_every_query_of_grafana_can_be_asked(tmp_path: Path) -> None:
    """Prometheus' own parser takes it, Grafana's variables filled in."""
    rules = [
        {"record": f"panel:{number}", "expr": query.replace("$namespace", ".*")}
        for number, (_, query) in enumerate(grafana_queries())
    ]
    path = tmp_path / "queries.yaml"
    path.write_text(yaml.safe_dump({"groups": [{"name": "queries", "rules": rules}]}))
    ended = run_promtool("check", "rules", path)
    assert ended.returncode == 0, ended.stdout + ended.stderr


def test_grafana_finds_the_dashboard_and_shows_what_there_is() -> None:
    """The sidecar's label, a source that can be chosen, ids that differ, panels that do not cover each other."""
    labels = labels_of(found(chart_objects("dashboard"), "ConfigMap", "grafana")["metadata"])
    assert labels["grafana_dashboard"] == "1"
    panels = grafana_dashboard()["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    cells = [
        (x, y)
        for place in (panel["gridPos"] for panel in panels)
        for x in range(place["x"], place["x"] + place["w"])
        for y in range(place["y"], place["y"] + place["h"])
    ]
    assert len(set(cells)) == len(cells) and max(x for x, _ in cells) < 24
    assert all(panel["datasource"]["uid"] == "${datasource}" for panel in panels if panel["type"] != "row")


def test_pod_monitor_selects_every_pod_that_serves_metrics() -> None:
    """Exactly those with a port of that name, and it carries the label that it is selected by."""
    objects = chart_objects("dashboard")
    monitor = found(objects, "PodMonitor")
    assert labels_of(monitor["metadata"])["release"] == "kube-prometheus-stack"
    assert monitor["spec"]["podMetricsEndpoints"] == [{"port": "metrics", "interval": "30s"}]
    (expression,) = monitor["spec"]["selector"]["matchExpressions"]
    serving = {
        labels_of(pod.metadata)["app.kubernetes.io/component"]
        for pod in pods(objects)
        for container in pod.containers
        if any(port["name"] == "metrics" for port in container.get("ports", []))
    }
    assert serving and serving <= set(expression["values"])
    wanted = monitor["spec"]["selector"]["matchLabels"].items()
    assert all(wanted <= labels_of(pod.metadata).items() for pod in pods(objects))


def test_dashboard_is_scraped_once() -> None:
    """By its Service where that was asked for, on a port that the Service does not offer; then not by its pods too."""
    objects = chart_objects("dual-stack")
    monitor, service = found(objects, "ServiceMonitor"), found(objects, "Service")
    assert labels_of(monitor["metadata"])["release"] == "kube-prometheus-stack"
    assert monitor["spec"]["endpoints"] == [{"targetPort": "metrics", "interval": "15s"}]
    assert monitor["spec"]["selector"]["matchLabels"].items() <= labels_of(service["metadata"]).items()
    behind = [pod for pod in pods(objects) if service["spec"]["selector"].items() <= labels_of(pod.metadata).items()]
    (container,) = (container for pod in behind for container in pod.containers)
    assert "metrics" in {port["name"] for port in container["ports"]}
    assert "metrics" not in {port["name"] for port in service["spec"]["ports"]}
    (expression,) = found(objects, "PodMonitor")["spec"]["selector"]["matchExpressions"]
    assert expression["values"] == ["run", "features", "finalize", "predict"]
    policies = set_objects("networkPolicy.enabled=true", "monitoring.serviceMonitor.enabled=true")
    assert {"ports": [{"protocol": "TCP", "port": 8051}]} in found(policies, "NetworkPolicy", "dashboard")["spec"][
        "ingress"
    ]
    unwatched = set_objects("dashboard.enabled=false", "monitoring.serviceMonitor.enabled=true")
    assert "ServiceMonitor" not in {each["kind"] for each in unwatched}


def test_nothing_of_it_is_installed_by_default() -> None:
    """A cluster may lack the kinds that they are."""
    kinds = {each["kind"] for each in set_objects()}
    assert not kinds & {"PodMonitor", "ServiceMonitor", "PrometheusRule", "ConfigMap"}
