"""What every Job and CronJob must keep: the server's own rules that no schema holds, and ours.

References: validation of batch/v1 in the Kubernetes sources; enhancements 2214, 3329, 3850, 3939.
"""

import re
from collections.abc import Iterator, Sequence
from zoneinfo import available_timezones

from job.errors import ExitCode
from tests.support.cluster_tools import Manifest
from tests.support.pods import Job, is_ours, jobs, labels_of

LONGEST_CRON_NAME, LONGEST_LABEL = 52, 63
LEAST_STARTING_DEADLINE_S = 11  # the controller looks every ten seconds
LEAST_GRACE_S = 30
# What no other try can mend: of any pod of the Job, and of one window alone.
FAILS_JOB = {ExitCode.CHECK_FAILED, ExitCode.USAGE, ExitCode.CONFIG}
FAILS_INDEX = {ExitCode.DATA, ExitCode.NO_DATA}
WAITING_FAILS = {ExitCode.USAGE, ExitCode.CONFIG}
QUEUE, LEAST_PARALLELISM = "kueue.x-k8s.io/queue-name", "kueue.x-k8s.io/job-min-parallelism"
SCHEDULE = re.compile(r"@(yearly|annually|monthly|weekly|daily|midnight|hourly)|(\S+ ){4}\S+")


def server_accepts(objects: Sequence[Manifest]) -> Iterator[str]:
    """What the server refuses, or the controller never gets done."""
    for job in jobs(objects):
        spec, indexed = job.spec, job.spec.get("completionMode") == "Indexed"
        if spec["template"]["spec"].get("restartPolicy") != "Never":
            yield f"{job.name}: a failure policy needs restartPolicy Never"
        if spec.get("podReplacementPolicy") != "Failed":
            yield f"{job.name}: two pods of one index may run at once"
        if {"selector", "manualSelector", "managedBy", "suspend"} & set(spec):
            yield f"{job.name}: says what belongs to controllers (JobSet, Kueue)"
        if not spec.get("activeDeadlineSeconds"):
            yield f"{job.name}: may stay for ever"
        if not indexed and {"backoffLimitPerIndex", "maxFailedIndexes"} & set(spec):
            yield f"{job.name}: only an Indexed Job counts by index"
        if len(job.name) > LONGEST_LABEL:
            yield f"{job.name}: its Jobs' names are too long for a label"
        if indexed:
            yield from (f"{job.name}: {fault}" for fault in _indexed(job))


def _indexed(job: Job) -> Iterator[str]:
    spec = job.spec
    if len(f"{job.name}-{spec['completions'] - 1}") > LONGEST_LABEL:
        yield "the host names of its pods are too long"
    if not 1 <= spec["parallelism"] <= spec["completions"]:
        yield "parallelism is not between 1 and completions"
    if not 0 <= spec["maxFailedIndexes"] <= spec["completions"]:
        yield "maxFailedIndexes is more than completions"
    if "backoffLimit" in spec:
        yield "backoffLimit would end it before its indexes have had their turns"


def failure_policy(objects: Sequence[Manifest]) -> Iterator[str]:
    """Each way to end has the right consequence; a pod that was moved comes first, and codes name their container."""
    for job in jobs(objects):
        rules = job.spec.get("podFailurePolicy", {}).get("rules", [])
        if not rules or rules[0] != {
            "action": "Ignore",
            "onPodConditions": [{"type": "DisruptionTarget", "status": "True"}],
        }:
            yield f"{job.name}: a pod that was moved counts as failed"
            continue
        actions: dict[tuple[str, str], list[int]] = {}
        for rule in rules[1:]:
            on = rule.get("onExitCodes", {})
            if on.get("operator") != "In" or not on.get("values"):
                yield f"{job.name}: a rule without exit codes"
                continue
            values = on["values"]
            if 0 in values or values != sorted(set(values)):
                yield f"{job.name}: {values} are not ascending, or hold success"
            if on.get("containerName") not in _containers(job):
                yield f"{job.name}: a rule for {on.get('containerName')}, which it has not"
            actions.setdefault((on.get("containerName", ""), rule["action"]), []).extend(values)
        if actions != _due(job):
            yield f"{job.name}: exit codes {actions}, but {_due(job)} is right"


def _containers(job: Job) -> list[str]:
    spec = job.spec["template"]["spec"]
    return [each["name"] for each in [*spec.get("initContainers", ()), *spec["containers"]]]


def _due(job: Job) -> dict[tuple[str, str], list[int]]:
    due: dict[tuple[str, str], list[int]] = {}
    indexed = job.spec.get("completionMode") == "Indexed"
    for name in _containers(job):
        if name == "wait":
            due[name, "FailJob"] = sorted(WAITING_FAILS)
        elif indexed:
            due[name, "FailIndex"] = sorted(FAILS_INDEX)
            due[name, "FailJob"] = sorted(FAILS_JOB)
        else:
            due[name, "FailJob"] = sorted(FAILS_JOB | FAILS_INDEX)
    return due


def waiting(objects: Sequence[Manifest]) -> Iterator[str]:
    """Every Job waits before it works, and has the time to leave when it is told to."""
    for job in jobs(objects):
        spec = job.spec["template"]["spec"]
        first: Manifest = next(iter(spec.get("initContainers", ())), {})
        args = first.get("args", [])
        if first.get("name") != "wait" or args[:1] != ["doctor"] or not {"--wait", "--need"} <= set(args):
            yield f"{job.name}: nothing waits for what it needs"
        if not all(is_ours(container) for container in spec["containers"]):
            yield f"{job.name}: runs an image of others, whose exit codes mean other things"
        if spec.get("terminationGracePeriodSeconds", 0) < LEAST_GRACE_S:
            yield f"{job.name}: has no time to leave"


def schedules(objects: Sequence[Manifest]) -> Iterator[str]:
    """A CronJob's name leaves room for its Jobs', its time zone exists, and a stuck Job does not stop it for ever."""
    for each in (each for each in objects if each["kind"] == "CronJob"):
        name, spec = each["metadata"]["name"], each["spec"]
        if len(name) > LONGEST_CRON_NAME:
            yield f"{name}: {len(name)} characters"
        if spec.get("timeZone") not in available_timezones():
            yield f"{name}: no such time zone as {spec.get('timeZone')}"
        if SCHEDULE.fullmatch(spec["schedule"]) is None:
            yield f"{name}: no schedule {spec['schedule']!r}"
        if spec.get("startingDeadlineSeconds", 0) < LEAST_STARTING_DEADLINE_S:
            yield f"{name}: no startingDeadlineSeconds"
        missing = {"concurrencyPolicy", "successfulJobsHistoryLimit", "failedJobsHistoryLimit"} - set(spec)
        if missing:
            yield f"{name}: lacks {', '.join(sorted(missing))}"


def kueue(objects: Sequence[Manifest]) -> Iterator[str]:
    """Kueue reads its label from the Job, never from the pod, and admits in part only within the Job's numbers."""
    for job in jobs(objects):
        if QUEUE in labels_of(job.spec["template"].get("metadata") or {}):
            yield f"{job.name}: Kueue would queue its pods one by one"
        least = (job.metadata.get("annotations") or {}).get(LEAST_PARALLELISM)
        if least is None:
            continue
        if QUEUE not in labels_of(job.metadata):
            yield f"{job.name}: partial admission without a queue"
        if not 0 < int(least) < min(job.spec["parallelism"], job.spec["completions"]):
            yield f"{job.name}: partial admission of {least}, of {job.spec['parallelism']} at once"


RULES = (server_accepts, failure_policy, waiting, schedules, kueue)
