"""uv.lock: what the images are made from."""

import re
import tomllib
from functools import cache

import pytest

from tests.support.repository import ROOT, run_tool

LOCK = ROOT / "uv.lock"
FOR_IMAGE = re.compile(r"(cp311-cp311|py3-none|py2\.py3-none)-(any|manylinux\w+(\.\w+)*x86_64)\.whl$")
PUBLIC = {"https://pypi.org/", "https://files.pythonhosted.org/"}


@pytest.fixture(scope="module")
def packages() -> list[dict[str, object]]:
    """The locked packages, our own left out."""
    locked = tomllib.loads(LOCK.read_text(encoding="utf-8"))["package"]
    return [package for package in locked if package["name"] != "lorentzian-trainer"]


def test_lock_is_in_step_with_what_is_required() -> None:
    """Whoever changes a requirement locks anew; asked of uv itself, which needs no network to know."""
    ended = run_tool("uv", "lock", "--check", "--offline", "--quiet", "--no-config")
    assert ended.returncode == 0, f"run: uv lock\n{ended.stderr}"


def test_lock_names_public_places_alone(packages: list[dict[str, object]]) -> None:
    """Every address is PyPI's: none of one machine's mirrors, folders or credentials."""
    text = LOCK.read_text(encoding="utf-8")
    assert set(re.findall(r"\w+://[^/\"]*/", text)) == PUBLIC
    assert not re.findall(r'(path|directory|find-links) = "', text)
    assert {str(package["source"]) for package in packages} == {"{'registry': 'https://pypi.org/simple'}"}


def test_everything_locked_has_its_hash(packages: list[dict[str, object]]) -> None:
    """Each file of each package, so that nobody can put another in its place."""
    for package in packages:
        files = [*package.get("wheels", []), *([package["sdist"]] if "sdist" in package else [])]  # type: ignore[misc]
        assert files, package["name"]
        for file in files:
            assert re.fullmatch(r"sha256:[0-9a-f]{64}", file["hash"]), file


def test_lock_holds_the_torch_of_the_gpu(packages: list[dict[str, object]]) -> None:
    """Torch's own CUDA libraries come with it on Linux, of one major version, and from nowhere else."""
    (torch,) = (package for package in packages if package["name"] == "torch")
    names = {dependency["name"] for dependency in torch["dependencies"]}  # type: ignore[attr-defined]
    assert {"nvidia-cudnn-cu13", "nvidia-nccl-cu13", "triton"} <= names
    assert not [name for name in names if re.search(r"-cu1[0-24-9]$", name)]


def test_cuda_is_installed_once_and_for_torch_alone(packages: list[dict[str, object]]) -> None:
    """NVIDIA's libraries are there once each, in the layer of torch: not above it, and not in the dashboard's image."""
    names = [str(package["name"]) for package in packages if re.match(r"nvidia-|cuda-|triton$", str(package["name"]))]
    libraries = [re.sub(r"-cu\d+$", "", name) for name in names]
    assert len(set(libraries)) == len(libraries) > 10
    assert set(names) <= exported("--extra", "train")
    assert not set(names) & exported("--extra", "train", "--prune", "torch")
    assert not set(names) & exported("--extra", "dashboard")


def test_wheels_of_torch_weigh_what_is_said(packages: list[dict[str, object]]) -> None:
    """Not three gigabytes to download for a GPU, as the README says; a second CUDA would be told by its weight."""
    parts = exported("--extra", "train") - exported("--extra", "train", "--prune", "torch")
    wheels = [
        max((wheel["size"] for wheel in package["wheels"] if FOR_IMAGE.search(wheel["url"])), default=0)  # type: ignore[attr-defined]
        for package in packages
        if package["name"] in parts
    ]
    assert 2.5e9 < sum(wheels) < 3.0e9


@cache
def exported(*choice: str) -> frozenset[str]:
    """Names of the packages that an image gets, as its Dockerfile asks uv for them."""
    fixed = ("--quiet", "--locked", "--no-dev", "--no-emit-project", "--no-config", "--offline", "--no-hashes")
    ended = run_tool("uv", "export", *fixed, *choice)
    assert ended.returncode == 0, ended.stderr
    return frozenset(re.findall(r"^([a-z0-9-]+)==", ended.stdout, re.MULTILINE))
