"""uv.lock: what the images are made from."""

import re
import tomllib

import pytest

from tests.support.repository import ROOT, run_tool

LOCK = ROOT / "uv.lock"
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
