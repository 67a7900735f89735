"""The chart as helm renders it, over every ci/*-values.yaml: schemas, and the rules that no schema holds."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from tests.support import job_rules, pod_rules, program_rules, server_rules
from tests.support.api_schemas import CUSTOM, VERSIONS, schema_faults
from tests.support.cluster_tools import (
    CASES,
    CHART,
    Manifest,
    chart_objects,
    run_cluster_tool,
    set_objects,
    stored_objects,
)
from tests.support.pods import jobs

RULES = (*pod_rules.RULES, *job_rules.RULES, *program_rules.RULES, *server_rules.RULES)
Rule = Callable[[Sequence[Manifest]], Iterator[str]]


@pytest.mark.parametrize("case", [None, *CASES])
def test_chart_passes_the_linter(case: str | None) -> None:
    """`helm lint --strict`, without values and with those of every case."""
    values: list[str | Path] = [] if case is None else ["--values", CHART / f"ci/{case}-values.yaml"]
    ended = run_cluster_tool("helm", "lint", "--strict", CHART, *values)
    assert ended.returncode == 0, ended.stdout


def test_chart_renders_without_values() -> None:
    """Nothing has to be said to see what would be installed."""
    assert set_objects() == chart_objects("defaults")


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
@pytest.mark.parametrize("case", CASES)
def test_case_keeps_the_rule(case: str, rule: Rule) -> None:
    """Nothing that the chart installs breaks a rule."""
    assert list(rule(stored_objects(case))) == []


def test_every_container_refuses_to_work_without_a_store() -> None:
    """A chart that was told of no store loses no result: whatever would write or read ends with 78, and says why."""
    faults = list(program_rules.understood(chart_objects("defaults")))
    words = {fault.split(": ", 1)[0].rsplit(" ", 1)[1] for fault in faults if "LORENTZIAN_SAVE_PATH: '' is" in fault}
    assert len(faults) == sum("LORENTZIAN_SAVE_PATH" in fault for fault in faults)
    assert words == {"wait", "trainer", "dashboard"}


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("case", CASES)
def test_case_fits_the_schemas(case: str, version: str) -> None:
    """The oldest and the newest Kubernetes know every field."""
    assert schema_faults(chart_objects(case), version) == []


def test_few_kinds_have_no_schema() -> None:
    """What no schema of Kubernetes knows is for the Prometheus operator, or a user's: all else is held against one."""
    objects = [each for case in CASES for each in chart_objects(case)]
    custom = {each["kind"] for each in objects if each["apiVersion"].startswith(CUSTOM)}
    assert custom == {"PodMonitor", "ServiceMonitor", "PrometheusRule", "ExternalSecret"}


@pytest.mark.parametrize("case", CASES)
def test_no_job_is_a_part_of_the_release(case: str) -> None:
    """A Job cannot be changed, so an upgrade would fail on it: those of the chart are hooks, or made by CronJobs."""
    for job in jobs(chart_objects(case)):
        if job.owner["kind"] == "Job":
            annotations = job.metadata["annotations"]
            assert annotations["helm.sh/hook"] == "post-install,post-upgrade"
            assert annotations["helm.sh/hook-delete-policy"] == "before-hook-creation"
            assert annotations["helm.sh/hook-output-log-policy"] == "hook-failed"  # Helm 4 then prints its sentence


def test_no_upgrade_changes_what_cannot_be_changed() -> None:
    """From any case to any other: a Deployment's selector stays, whatever labels, ports and replicas become."""
    made = [each for case in CASES for each in chart_objects(case) if each["kind"] == "Deployment"]
    selectors = {each["metadata"]["name"]: each["spec"]["selector"] for each in made}
    assert len(made) > len(selectors) == 2  # the second is the one with the long name
    assert all(each["spec"]["selector"] == selectors[each["metadata"]["name"]] for each in made)


def test_everything_can_be_switched_off() -> None:
    """Only the hook of `helm test` is left."""
    assert [each["kind"] for each in chart_objects("all-off")] == ["Pod"]
    assert chart_objects("all-off")[0]["metadata"]["annotations"]["helm.sh/hook"] == "test"
