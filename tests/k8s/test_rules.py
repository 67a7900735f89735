"""Every rule can fail: manifests with a planted mistake, and the fault that is found in them."""

import copy
from collections.abc import Callable
from typing import Any

import pytest

from tests.support import job_rules, pod_rules, program_rules, server_rules
from tests.support.cluster_tools import Manifest, found, overlay_objects

Objects = list[Manifest]


def _job(objects: Objects) -> Manifest:
    return found(objects, "Job", "walkforward")


def _pod(objects: Objects) -> Manifest:
    pod: Manifest = _job(objects)["spec"]["template"]["spec"]
    return pod


def _trainer(objects: Objects) -> Manifest:
    trainer: Manifest = _pod(objects)["containers"][0]
    return trainer


def _rules(objects: Objects) -> list[Any]:
    rules: list[Any] = _job(objects)["spec"]["podFailurePolicy"]["rules"]
    return rules


def _cron(objects: Objects) -> Manifest:
    return found(objects, "CronJob", "finalize")


def _partly(objects: Objects, least: str, *, is_queued: bool) -> None:
    metadata = _job(objects)["metadata"]
    metadata["labels"] |= {job_rules.QUEUE: "training"} if is_queued else {}
    metadata["annotations"] = {job_rules.LEAST_PARALLELISM: least}


def _set(objects: Objects, name: str, value: str) -> None:
    for variable in _trainer(objects)["env"]:
        if variable["name"] == name:
            variable["value"] = value


# What is planted, and what the fault says.
MISTAKES: list[tuple[Callable[..., Any], Callable[[Objects], Any], str]] = [
    (pod_rules.restricted, lambda o: _pod(o)["securityContext"].pop("runAsNonRoot"), "runAsNonRoot"),
    (pod_rules.restricted, lambda o: _pod(o)["securityContext"].pop("seccompProfile"), "seccomp"),
    (pod_rules.restricted, lambda o: _pod(o)["securityContext"].update(runAsUser=0), "root"),
    (pod_rules.restricted, lambda o: _pod(o).update(hostNetwork=True), "namespace of its node"),
    (pod_rules.restricted, lambda o: _pod(o)["volumes"].append({"name": "x", "hostPath": {"path": "/"}}), "forbidden"),
    (pod_rules.restricted, lambda o: _trainer(o)["securityContext"].pop("readOnlyRootFilesystem"), "can write"),
    (pod_rules.restricted, lambda o: _trainer(o)["securityContext"].pop("capabilities"), "capabilities"),
    (pod_rules.restricted, lambda o: _pod(o)["initContainers"][0].pop("securityContext"), "escalate"),
    (pod_rules.restricted, lambda o: _trainer(o).update(ports=[{"hostPort": 80}]), "port of its node"),
    (pod_rules.alone, lambda o: _pod(o).pop("automountServiceAccountToken"), "token"),
    (pod_rules.alone, lambda o: _pod(o).pop("enableServiceLinks"), "every Service"),
    (pod_rules.alone, lambda o: found(o, "ServiceAccount", "trainer").pop("automountServiceAccountToken"), "hands out"),
    (pod_rules.our_user, lambda o: _pod(o)["securityContext"].update(fsGroup=1000), "another user"),
    (pod_rules.writable, lambda o: _pod(o)["volumes"][0]["emptyDir"].clear(), "no limit"),
    (pod_rules.writable, lambda o: _trainer(o)["volumeMounts"].append({"name": "x", "mountPath": "/x"}), "has not"),
    (pod_rules.resources, lambda o: _trainer(o)["resources"]["requests"].pop("cpu"), "no processor"),
    (pod_rules.resources, lambda o: _trainer(o)["resources"].pop("limits"), "no limit"),
    (pod_rules.optional_secrets, lambda o: _trainer(o)["envFrom"][1]["secretRef"].pop("optional"), "cannot start"),
    (pod_rules.hidden_secrets, lambda o: _trainer(o)["env"].append({"name": "PGPASSWORD", "value": "x"}), "PGPASSWORD"),
    (pod_rules.hidden_secrets, lambda o: _trainer(o)["args"].append("--url=http://u:p@h/"), "in an argument"),
    (pod_rules.hidden_secrets, lambda o: o[0].update(kind="ConfigMap", data={"DATABASE_URL": "x"}), "DATABASE_URL"),
    (pod_rules.single_names, lambda o: _trainer(o)["env"].append(_trainer(o)["env"][0]), "twice"),
    (pod_rules.last_words, lambda o: _trainer(o).pop("terminationMessagePolicy"), "no message"),
    (pod_rules.pinned, lambda o: _trainer(o).update(image="lorentzian-trainer:latest"), "tomorrow"),
    (pod_rules.whole_numbers, lambda o: _job(o)["spec"].update(activeDeadlineSeconds=1e6), "activeDeadlineSeconds is"),
    (job_rules.server_accepts, lambda o: _pod(o).update(restartPolicy="OnFailure"), "restartPolicy Never"),
    (job_rules.server_accepts, lambda o: _job(o)["spec"].pop("podReplacementPolicy"), "two pods"),
    (job_rules.server_accepts, lambda o: _job(o)["spec"].update(suspend=True), "belongs to controllers"),
    (job_rules.server_accepts, lambda o: _job(o)["spec"].pop("activeDeadlineSeconds"), "for ever"),
    (job_rules.server_accepts, lambda o: _job(o)["spec"].pop("completionMode"), "counts by index"),
    (job_rules.server_accepts, lambda o: _job(o)["spec"].update(parallelism=22), "parallelism"),
    (job_rules.server_accepts, lambda o: _job(o)["spec"].update(maxFailedIndexes=22), "maxFailedIndexes"),
    (job_rules.server_accepts, lambda o: _job(o)["spec"].update(backoffLimit=6), "backoffLimit"),
    (job_rules.server_accepts, lambda o: _job(o)["metadata"].update(name="x" * 61), "host names"),
    (job_rules.failure_policy, lambda o: _rules(o).reverse(), "moved"),
    (job_rules.failure_policy, lambda o: _rules(o)[1]["onExitCodes"].update(values=[66, 65]), "not ascending"),
    (job_rules.failure_policy, lambda o: _rules(o)[1]["onExitCodes"].update(values=[0, 65]), "success"),
    (job_rules.failure_policy, lambda o: _rules(o)[1]["onExitCodes"].update(values=[65]), "exit codes"),
    (job_rules.failure_policy, lambda o: _rules(o)[2]["onExitCodes"].update(values=[64, 78, 143]), "exit codes"),
    (job_rules.failure_policy, lambda o: _rules(o)[2]["onExitCodes"].update(containerName="main"), "has not"),
    (job_rules.failure_policy, lambda o: _rules(o).pop(), "exit codes"),
    (job_rules.waiting, lambda o: _pod(o).pop("initContainers"), "nothing waits"),
    (job_rules.waiting, lambda o: _pod(o)["initContainers"][0].update(args=["doctor"]), "nothing waits"),
    (job_rules.waiting, lambda o: _pod(o).update(terminationGracePeriodSeconds=5), "no time"),
    (job_rules.schedules, lambda o: _cron(o)["metadata"].update(name="x" * 53), "53 characters"),
    (job_rules.schedules, lambda o: _cron(o)["spec"].update(timeZone="Mars/Olympus"), "time zone"),
    (job_rules.schedules, lambda o: _cron(o)["spec"].update(schedule="daily"), "no schedule"),
    (job_rules.schedules, lambda o: _cron(o)["spec"].update(startingDeadlineSeconds=5), "startingDeadlineSeconds"),
    (job_rules.schedules, lambda o: _cron(o)["spec"].pop("concurrencyPolicy"), "concurrencyPolicy"),
    (job_rules.kueue, lambda o: _partly(o, "21", is_queued=True), "partial admission of 21"),
    (job_rules.kueue, lambda o: _partly(o, "1", is_queued=False), "without a queue"),
    (
        job_rules.kueue,
        lambda o: _job(o)["spec"]["template"]["metadata"]["labels"].update({job_rules.QUEUE: "x"}),
        "one by one",
    ),
    (program_rules.understood, lambda o: _trainer(o)["args"].append("--indx=3"), "--indx"),
    (program_rules.understood, lambda o: _set(o, "LORENTZIAN_DATA_DAYS", "many"), "whole number"),
    (program_rules.understood, lambda o: _pod(o)["initContainers"][0]["args"].append("--need=tables"), "need"),
    (program_rules.names_exist, lambda o: _trainer(o)["env"][0].update(name="LORENTZIAN_DAYS_OF_DATA"), "no setting"),
    (program_rules.windows_agree, lambda o: _set(o, "LORENTZIAN_DATA_DAYS", "187"), "22 windows"),
    (program_rules.windows_agree, lambda o: _job(o)["spec"].update(completions=20), "20 completions"),
    (program_rules.windows_agree, lambda o: _set(o, "LORENTZIAN_COMPLETIONS", "20"), "20 told"),
    (program_rules.windows_agree, lambda o: _job(o)["spec"].update(backoffLimitPerIndex=5), "3 attempts"),
    (program_rules.ports_agree, lambda o: found(o, "Service")["spec"]["ports"][0].update(targetPort=80), "leads to 80"),
    (
        program_rules.ports_agree,
        lambda o: found(o, "Deployment")["spec"]["template"]["spec"]["containers"][0]["ports"].pop(0),
        "probe of no port",
    ),
    (program_rules.selectors_find, lambda o: found(o, "Service")["spec"]["selector"].update(x="y"), "selects no pod"),
    (program_rules.single_objects, lambda o: o.append(_job(o)), "twice"),
    (server_rules.named, lambda o: found(o, "Service")["metadata"].update(name="1st-dashboard"), "1st-dashboard"),
    (server_rules.named, lambda o: _job(o)["metadata"]["labels"].update(team="quant & co"), "team"),
    (server_rules.named, lambda o: _job(o)["metadata"].update(annotations={"kept": True}), "no text"),
    (server_rules.named, lambda o: _trainer(o)["ports"][0].update(name="prometheus-metrics"), "prometheus-metrics"),
    (server_rules.fields, lambda o: _trainer(o)["env"][-1]["valueFrom"]["fieldRef"].update(fieldPath="x"), "told x"),
    (server_rules.fields, lambda o: _trainer(o)["env"][0].update(value=8052), "no text"),
    (server_rules.amounts, lambda o: _trainer(o)["resources"]["limits"].update(memory="512Mi"), "more memory"),
    (server_rules.amounts, lambda o: _trainer(o)["resources"]["limits"].update({"nvidia.com/gpu": "500m"}), "whole"),
]


@pytest.mark.parametrize(
    ("rule", "mistake", "fault"), MISTAKES, ids=[f"{rule.__name__}-{fault}" for rule, _, fault in MISTAKES]
)
def test_rule_finds_the_mistake(rule: Callable[..., Any], mistake: Callable[[Objects], Any], fault: str) -> None:
    """The rule is silent about the manifests, and speaks of the mistake once it is planted."""
    objects = copy.deepcopy(list(overlay_objects("base")))
    assert list(rule(objects)) == []
    mistake(objects)
    assert any(fault in each for each in rule(objects)), list(rule(objects))


def test_every_rule_has_a_mistake() -> None:
    """No rule is trusted that has never failed."""
    rules = {*pod_rules.RULES, *job_rules.RULES, *program_rules.RULES, *server_rules.RULES}
    assert {rule for rule, _, _ in MISTAKES} == rules
