"""What both Dockerfiles promise whoever runs their images, read from the files; ``tests/images/run`` tries it."""

import re
import tomllib
from pathlib import Path

import pytest

from tests.images.dockerfile import Instruction, expand, global_arguments, read_dockerfile, stage_line
from tests.support.repository import ROOT, run_tool

FILES = ("Dockerfile", "Dockerfile.dashboard")
LABELS = {"title", "description", "source", "licenses", "version", "revision", "created"}
SECRET = re.compile(r"PASSWORD|SECRET|TOKEN|CREDENTIAL|KEY", re.IGNORECASE)


@pytest.fixture(params=FILES)
def path(request: pytest.FixtureRequest) -> Path:
    """Each of the two files."""
    return ROOT / str(request.param)


@pytest.fixture
def instructions(path: Path) -> list[Instruction]:
    """All instructions of the file."""
    return read_dockerfile(path)


@pytest.fixture
def final(instructions: list[Instruction]) -> list[Instruction]:
    """The instructions that make the image which is built where no target is named."""
    return stage_line(instructions, instructions[-1].stage)


def values(instructions: list[Instruction], name: str) -> list[str]:
    """What follows every instruction of one name."""
    return [instruction.value for instruction in instructions if instruction.name == name]


def test_linter_finds_nothing(path: Path) -> None:
    """Hadolint, down to its informations, and no base from anywhere but two public registries."""
    registries = [f"--trusted-registry={name}" for name in ("docker.io", "ghcr.io")]
    ended = run_tool("hadolint", "--no-color", "--failure-threshold=info", *registries, path.name)
    assert ended.returncode == 0, ended.stdout + ended.stderr


def test_linter_is_told_to_ignore_one_rule_alone(path: Path) -> None:
    """DL3008, packages of Debian without a version; the line above says why."""
    lines = path.read_text(encoding="utf-8").splitlines()
    ignoring = [number for number, line in enumerate(lines) if "hadolint ignore" in line]
    assert [lines[number] for number in ignoring] == ["# hadolint ignore=DL3008"]
    assert lines[ignoring[0] - 1].startswith("# Debian keeps one version")


def test_bases_can_be_chosen_and_pinned(instructions: list[Instruction]) -> None:
    """Every image that is built on comes from an argument, so that a digest can take its place; both files agree."""
    arguments = global_arguments(instructions)
    assert arguments == global_arguments(read_dockerfile(ROOT / FILES[0]))
    aliases = {match[1] for value in values(instructions, "FROM") if (match := re.search(r" AS (\S+)", value))}
    bases = {value.split()[0] for value in values(instructions, "FROM")} - aliases
    assert bases == {"${BASE_IMAGE}", "${UV_IMAGE}"}
    assert all(":" in expand(base, arguments) for base in bases)
    assert "${PYTHON_VERSION}" in " ".join(values(instructions, "ARG"))


def test_processes_start_without_a_shell(final: list[Instruction]) -> None:
    """Exec form, with an init process first, so that SIGTERM reaches Python and exit codes come back."""
    (entry_point,) = values(final, "ENTRYPOINT")
    assert entry_point == '["/usr/bin/tini", "--", "lorentzian"]'
    assert all(value.startswith("[") for value in values(final, "CMD"))
    assert not values(final, "SHELL")


def test_user_is_a_number_with_a_name(final: list[Instruction]) -> None:
    """A number, since Kubernetes can tell only from one that it is not root; in passwd, since Postgres looks there."""
    assert values(final, "USER")[-1] == "10001:10001"
    assert any("useradd --uid 10001 --gid 10001 " in value for value in values(final, "RUN"))


def test_demo_is_nobody_too() -> None:
    """The target with a database installs it as root, and does not stay root."""
    instructions = read_dockerfile(ROOT / "Dockerfile")
    (stage,) = (i.stage for i in instructions if i.name == "FROM" and i.value.endswith(" AS demo"))
    assert values(stage_line(instructions, stage), "USER")[-1] == "10001:10001"
    assert values(stage_line(instructions, stage), "ENTRYPOINT")


def test_driver_capabilities_are_said_and_devices_are_not(path: Path, final: list[Instruction]) -> None:
    """A pod that asked for no GPU must see none, which a baked-in choice of devices would undo."""
    environment = " ".join(values(final, "ENV"))
    assert ("NVIDIA_DRIVER_CAPABILITIES=compute,utility" in environment) is (path.name == "Dockerfile")
    assert "NVIDIA_VISIBLE_DEVICES" not in path.read_text(encoding="utf-8")


def test_nothing_is_written_outside_of_tmp(final: list[Instruction]) -> None:
    """Home, caches and the working folder lie where a read-only root leaves a place to write."""
    variables = dict(re.findall(r"(\w+)=(\S+)", " ".join(values(final, "ENV"))))
    folders = {
        name: value for name, value in variables.items() if name == "HOME" or name.endswith(("_DIR", "DIR", "_HOME"))
    }
    assert "HOME" in folders
    assert not {name: value for name, value in folders.items() if not re.match(r"/tmp\b", value)}
    assert values(final, "WORKDIR")[-1] == "/tmp"


def test_no_secret_passes_through_an_argument(instructions: list[Instruction]) -> None:
    """Arguments and variables stay readable in an image's history for ever."""
    assert not [i.value for i in instructions if i.name in ("ARG", "ENV") and SECRET.search(i.value.split("=")[0])]


def test_image_says_what_it_is(final: list[Instruction]) -> None:
    """The labels of the Open Container Initiative, what changes from build to build by argument."""
    labels = dict(re.findall(r'org\.opencontainers\.image\.(\w+)="([^"]*)"', " ".join(values(final, "LABEL"))))
    assert set(labels) == LABELS and all(labels.values())
    arguments = dict(value.split("=", 1) for value in values(final, "ARG") if "=" in value)
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert expand(labels["version"], arguments) == project["version"]
    assert labels["licenses"] == project["license"]
    assert (labels["revision"], labels["created"]) == ("${REVISION}", "${CREATED}")


def test_layers_of_the_code_come_after_those_of_its_packages(final: list[Instruction]) -> None:
    """A change of the code moves a few megabytes, not gigabytes."""
    runs = values(final, "RUN")
    (code,) = (number for number, value in enumerate(runs) if "/media/*.whl" in value)
    packages = [number for number, value in enumerate(runs) if "--requirements" in value]
    assert packages and max(packages) < code == len(runs) - 1


@pytest.mark.parametrize(("name", "alias"), [("Dockerfile", ""), ("Dockerfile", "demo"), ("Dockerfile.dashboard", "")])
def test_image_says_whose_work_is_in_it(name: str, alias: str) -> None:
    """Asked of its own packages once the last of them is in, so that the list is that of this very image."""
    instructions = read_dockerfile(ROOT / name)
    stages = {i.value.partition(" AS ")[2]: i.stage for i in instructions if i.name == "FROM"}
    runs = values(stage_line(instructions, stages[alias] if alias else instructions[-1].stage), "RUN")
    assert runs[-1].endswith("&& lorentzian --licenses > /licenses/packages.txt")
    assert "pip install" in runs[-1] and runs[-1].index("pip install") < runs[-1].index("--licenses")


def test_only_the_dashboard_has_a_health_check(path: Path, final: list[Instruction]) -> None:
    """A job is not served: whether it lives is told by its heartbeats. The check is in exec form."""
    checks = values(final, "HEALTHCHECK")
    assert len(checks) == (path.name == "Dockerfile.dashboard")
    assert all('CMD ["python3", ' in check and "/healthz" in check for check in checks)


def test_build_sees_what_it_needs_and_nothing_else() -> None:
    """The context is a list of what goes in: whatever is copied, and no secret that happens to lie about."""
    lines = [line for line in (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines() if line[:1] != "#"]
    assert lines[0] == "*" and lines[-1] == "**/__pycache__"
    allowed = {line.removeprefix("!") for line in lines[1:-1]}
    copied = {
        source
        for name in FILES
        for value in values(read_dockerfile(ROOT / name), "COPY")
        if not value.startswith("--from")
        for source in value.split()[:-1]
    }
    assert copied == allowed and all((ROOT / name).exists() for name in allowed)
