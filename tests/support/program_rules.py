"""Manifests held against the program: what a container is told, the program understands, and numbers agree."""

import re
from collections.abc import Iterator, Sequence
from functools import cache
from itertools import product

from job.cli import COMMANDS, parse, settings_class
from job.errors import ConfigError, UsageError
from job.run.cuts import num_windows
from job.settings.catalogue import ENVIRONMENT_ONLY, environment_names, settings_of
from job.settings.commands import CommandSettings, WindowCommand
from job.settings.sources import LoadedSettings, load_settings
from tests.support.cluster_tools import Manifest
from tests.support.pods import environment, jobs, labels_of, pods

# Names that others have fixed and the program's libraries read.
FOREIGN = re.compile(r"AWS_[A-Z0-9_]+|PG[A-Z]+|DATABASE_URL|PYTORCH_ALLOC_CONF")


@cache
def known_names() -> frozenset[str]:
    """Every name of the environment that is a setting of some command."""
    return frozenset(ENVIRONMENT_ONLY) | {
        name
        for command in COMMANDS
        for setting in settings_of(settings_class(command))
        for name in environment_names(setting, (command,))
    }


def understood(objects: Sequence[Manifest]) -> Iterator[str]:
    """Arguments and variables of every container of ours are accepted by the command that it runs."""
    for pod in pods(objects):
        for container in pod.our_containers:
            try:
                loaded_settings(container, objects)
            except (ConfigError, UsageError) as error:
                yield f"{pod.where} {container['name']}: {error}"


def loaded_settings(container: Manifest, objects: Sequence[Manifest]) -> LoadedSettings[CommandSettings]:
    """The settings with which a container of ours would start."""
    return _loaded(tuple(container["args"]), tuple(environment(container, objects).items()))


@cache  # most containers are told the same as another
def _loaded(args: tuple[str, ...], variables: tuple[tuple[str, str], ...]) -> LoadedSettings[CommandSettings]:
    line = parse(args)
    return load_settings(
        settings_class(line.name),
        command_name=line.name,
        commands={name: settings_class(name) for name in COMMANDS},
        flags=line.flags,
        environment=dict(variables),
        config_file=None,
    )


def names_exist(objects: Sequence[Manifest]) -> Iterator[str]:
    """Every variable of a container of ours is a setting, or one that its libraries read."""
    known = known_names()
    for pod in pods(objects):
        for container in pod.our_containers:
            for name in environment(container, objects).keys() | {each["name"] for each in container.get("env", ())}:
                if name not in known and FOREIGN.fullmatch(name) is None:
                    yield f"{pod.where} {container['name']}: {name} is no setting"


def windows_agree(objects: Sequence[Manifest]) -> Iterator[str]:
    """The number of pods is the number of windows that the days are cut into, and the program is told the same."""
    for job in jobs(objects):
        if job.spec.get("completionMode") != "Indexed":
            continue
        (container,) = job.spec["template"]["spec"]["containers"]
        settings = loaded_settings(container, objects).settings
        assert isinstance(settings, WindowCommand)
        windows, completions = num_windows(settings.windows), job.spec["completions"]
        if not windows == completions == settings.index.completions:
            yield f"{job.name}: {windows} windows, {completions} completions, {settings.index.completions} told"
        if settings.index.attempts != job.spec["backoffLimitPerIndex"] + 1:
            yield f"{job.name}: {settings.index.attempts} attempts, but {job.spec['backoffLimitPerIndex']} repeats"
        if settings.job.job_name is None or settings.job.job_uid is None:
            yield f"{job.name}: the run would not be named after its Job"
        expected = job.owner["metadata"]["name"] if job.owner["kind"] == "CronJob" else None
        if settings.job.cron_job != expected:
            yield f"{job.name}: told that its CronJob is {settings.job.cron_job}"


def ports_agree(objects: Sequence[Manifest]) -> Iterator[str]:
    """Services and probes lead to ports that containers have, and policies let exactly the served ones in."""
    for each, pod in product((each for each in objects if each["kind"] == "Service"), pods(objects)):
        if not _selects(each["spec"]["selector"], pod.metadata):
            continue
        ports = {port["name"]: port["containerPort"] for one in pod.containers for port in one.get("ports", ())}
        for port in each["spec"]["ports"]:
            if port["targetPort"] not in ports.keys() | set(ports.values()):
                yield f"Service {each['metadata']['name']}: leads to {port['targetPort']}, which no container has"
        for container in pod.containers:
            probes = [container.get(f"{kind}Probe", {}).get("httpGet") for kind in ("startup", "liveness", "readiness")]
            yield from (f"{pod.where}: a probe of no port" for probe in probes if probe and probe["port"] not in ports)


def selectors_find(objects: Sequence[Manifest]) -> Iterator[str]:
    """Whatever selects pods selects at least one of those that are installed with it."""
    metadata = [pod.metadata for pod in pods(objects)]
    for each in objects:
        spec = each.get("spec", {})
        selector = {"Service": spec.get("selector"), "NetworkPolicy": spec.get("podSelector")}.get(each["kind"])
        if each["kind"] in ("PodDisruptionBudget", "PodMonitor", "Deployment"):
            selector = spec["selector"]
        if selector is None:
            continue
        wanted = selector.get("matchLabels", {}) if each["kind"] != "Service" else selector
        if not any(_selects(wanted, one) for one in metadata):
            yield f"{each['kind']} {each['metadata']['name']}: selects no pod"


def _selects(wanted: dict[str, str], metadata: Manifest) -> bool:
    return bool(wanted) and wanted.items() <= labels_of(metadata).items()


def single_objects(objects: Sequence[Manifest]) -> Iterator[str]:
    """No two objects of one kind have one name."""
    names = [(each["kind"], each["metadata"]["name"]) for each in objects]
    yield from (f"{kind} {name} twice" for kind, name in sorted(set(names)) if names.count((kind, name)) > 1)


RULES = (understood, names_exist, windows_agree, ports_agree, selectors_find, single_objects)
