"""The repository as files, and the tools that check it: for tests of the project itself rather than of its code."""

import shutil
import subprocess
import sysconfig
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("dashboard", "job")


def package_files() -> list[Path]:
    """Every file of the packages, relative to the root, in the order of a printed tree: files before folders."""
    found = (path for package in PACKAGES for path in _files_under(ROOT / package))
    return [path.relative_to(ROOT) for path in found]


def tracked_files() -> list[Path]:
    """Every file that git knows, relative to the root; skips where this is no checkout."""
    git = shutil.which("git")
    if git is None:
        pytest.skip("git is not installed")
    listed = subprocess.run([git, "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False)
    if listed.returncode != 0:
        pytest.skip("this is not a git checkout")
    paths = (Path(name) for name in listed.stdout.split("\0") if name)
    return [path for path in paths if (ROOT / path).is_file()]


def run_tool(name: str, *arguments: str) -> "subprocess.CompletedProcess[str]":
    """Run a tool of the ``test`` extra in the root; skips where it is absent."""
    tool = shutil.which(name, path=sysconfig.get_path("scripts")) or shutil.which(name)
    if tool is None:
        pytest.skip(f"{name} is not installed")
    return subprocess.run([tool, *arguments], cwd=ROOT, capture_output=True, text=True, check=False)


def _files_under(folder: Path) -> Iterator[Path]:
    entries = sorted(entry for entry in folder.iterdir() if entry.name != "__pycache__")
    yield from (entry for entry in entries if entry.is_file())
    for entry in entries:
        if entry.is_dir():
            yield from _files_under(entry)
