"""What a user gets wrong: one sentence with a remedy, the contract's exit code, and no secret."""

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import pytest
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from job.cli import parse
from job.data.postgres import connect
from job.execution.opening import plan_run
from job.settings.commands import PlanCommand
from job.settings.sources import load_settings
from tests.support.commands import CANARY, Result, clean_environment, executable, run_lorentzian
from tests.support.fixtures_s3 import BUCKET
from tests.support.open_folders import make_open_folder
from tests.support.seaweedfs import READER, SeaweedServer
from tests.support.small_market import MARKET, PLAN, WALK, small_markets, store_small_markets, write_small_files
from tests.support.warm_commands import WarmLorentzian


@dataclass(frozen=True, kw_only=True)
class Mistake:
    """A command line and environment that cannot work, its exit code, and words that its one sentence must hold."""

    name: str
    arguments: tuple[str, ...]
    code: int
    words: tuple[str, ...]
    env: tuple[tuple[str, str], ...] = ()


WITHOUT_DATABASE = (
    Mistake(name="unknown command", arguments=("walkfoward",), code=64, words=("`lorentzian walkforward`",)),
    Mistake(name="unknown flag", arguments=("train", "--epoch", "5"), code=64, words=("Did you mean --epochs?",)),
    Mistake(name="no value", arguments=("train", "--epochs"), code=64, words=("--epochs", "`lorentzian train --help`")),
    Mistake(name="bad number", arguments=("train", "--epochs", "many"), code=78, words=("--epochs: 'many' is not",)),
    Mistake(name="number out of range", arguments=("train", "--lr", "0"), code=78, words=("--lr: '0' is not above 0",)),
    Mistake(name="bad choice", arguments=("demo", "--world", "mars"), code=78, words=("'edge', 'noise' or 'both'",)),
    Mistake(name="bad run id", arguments=("status", "--run-id", "../x"), code=78, words=("--run-id: '../x'",)),
    Mistake(
        name="unknown setting",
        arguments=("train",),
        env=(("LORENTZIAN_EPOCS", "3"),),
        code=78,
        words=("LORENTZIAN_EPOCS", "Did you mean LORENTZIAN_EPOCHS?"),
    ),
    Mistake(
        name="a name with two meanings",
        arguments=("train",),
        env=(("LORENTZIAN_TEST_SIZE", "7"),),
        code=78,
        words=("LORENTZIAN_TRAIN_TEST_SIZE", "LORENTZIAN_WALKFORWARD_TEST_SIZE"),
    ),
    Mistake(
        name="no settings file", arguments=("train", "--config", "no.toml"), code=78, words=("no.toml", "--config")
    ),
    Mistake(name="no such run", arguments=("status", "--save-path", "/tmp/none"), code=78, words=("--save-path",)),
    Mistake(
        name="unreadable connection string",
        arguments=("migrate",),
        env=(("DATABASE_URL", f"postgres//user:{CANARY}@host/db"),),
        code=78,
        words=("connection string is not valid",),
    ),
    Mistake(
        name="no database in a cluster",
        arguments=("migrate",),
        env=(("KUBERNETES_SERVICE_HOST", "10.0.0.1"),),
        code=78,
        words=("DATABASE_URL",),
    ),
    Mistake(
        name="no password file",
        arguments=("migrate", "--database-password-file", "/nowhere/password"),
        env=(("DATABASE_URL", "postgresql://user@127.0.0.1/database"),),
        code=78,
        words=("/nowhere/password cannot be read: No such file or directory",),
    ),
)

# These have klines and features to work on, and libraries to load.
WITH_DATABASE = (
    Mistake(name="no run", arguments=("finalize",), code=64, words=("--run-id", "--all")),
    Mistake(name="no index", arguments=("window",), code=64, words=("--index",)),
    Mistake(
        name="both kinds of data",
        arguments=("demo", "--live", "--klines", "SOLUSDT-5m.csv"),
        code=64,
        words=("--klines or --live",),
    ),
    Mistake(
        name="no klines of the symbol",
        arguments=("walkforward", *WALK, "--symbol", "XRPUSDT"),
        code=66,
        words=("no klines of XRPUSDT", "`lorentzian collect --symbol XRPUSDT --interval 15m`"),
    ),
    Mistake(
        name="no features",
        arguments=("walkforward", *WALK, "--context", "BTCUSDT"),
        code=66,
        words=("no rows of feature set", "`lorentzian features --interval 15m --context BTCUSDT`"),
    ),
    Mistake(
        name="no klines to make features of",
        arguments=("features", *MARKET, "--context", "XRPUSDT"),
        code=66,
        words=("no klines of XRPUSDT",),
    ),
    Mistake(
        name="too little history for a window",
        arguments=("walkforward", *MARKET),
        code=66,
        words=("There are 9.0 days of data", "one window needs 37 (train 30, test 7)"),
    ),
    Mistake(
        name="too little history to train on",
        arguments=("train", *MARKET),
        code=66,
        words=("There are 9.0 days", "90 were asked for"),
    ),
    Mistake(
        name="index past the plan",
        arguments=("window", *PLAN, "--index", "3"),
        code=64,
        words=("Index 3 is past the plan", "which has 3 windows"),
    ),
    Mistake(
        name="save path of an unknown kind",
        arguments=("walkforward", *WALK, "--save-path", "ftp://host/results"),
        code=78,
        words=("s3://bucket/prefix",),
    ),
    Mistake(
        name="other settings under the same run id",
        arguments=("window", *PLAN, "--index", "9", "--run-id", "mine", "--seed", "1"),
        code=78,
        words=("Run mine was planned with other settings: seed 0 (here 1)", "--run-id"),
    ),
)


def named(mistakes: tuple[Mistake, ...]) -> list[object]:
    """Test parameters that bear the mistakes' names."""
    return [pytest.param(mistake, id=mistake.name) for mistake in mistakes]


def check(done: Result, code: int, *words: str) -> None:
    """The exit code, and every word of the one sentence."""
    assert done.code == code, done.err
    for each in words:
        assert each in done.error


@pytest.fixture(scope="module")
def stored_market(postgres_server: str) -> Iterator[dict[str, str]]:
    """The environment that leads to a database with twelve days of klines and features."""
    with connect(postgres_server) as connection:
        connection.execute("CREATE DATABASE mistakes TEMPLATE migrated")
        conninfo = make_conninfo(postgres_server, dbname="mistakes", password=CANARY)
        store_small_markets(conninfo, small_markets())
        yield {"DATABASE_URL": conninfo}
        connection.execute("DROP DATABASE mistakes WITH (FORCE)")


@pytest.fixture(scope="module")
def planned_run(stored_market: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which a run called ``mine`` has a plan; nothing has been trained."""
    folder = tmp_path_factory.mktemp("planned")
    line = parse(["plan", *PLAN, "--run-id", "mine", "--save-path", str(folder / "models" / "trained")])
    loaded = load_settings(
        PlanCommand,
        command_name="plan",
        commands={"plan": PlanCommand},
        flags=line.flags,
        environment={},
        config_file=None,
    )
    plan_run(loaded.settings, stored_market["DATABASE_URL"])
    return folder


@pytest.mark.parametrize("mistake", named(WITHOUT_DATABASE))
def test_mistake_before_any_work_ends_at_once(mistake: Mistake, warm: WarmLorentzian, tmp_path: Path) -> None:
    """Nothing is started for a command that cannot run: no database, no file."""
    done = run_lorentzian(mistake.arguments, dict(mistake.env), cwd=tmp_path, warm=warm)
    check(done, mistake.code, *mistake.words)
    assert done.out == ""
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("mistake", named(WITH_DATABASE))
def test_mistake_that_the_data_show_trains_nothing(
    mistake: Mistake, stored_market: dict[str, str], planned_run: Path, warm: WarmLorentzian
) -> None:
    """What only data or stored plans can show ends before a window is attempted."""
    done = run_lorentzian(mistake.arguments, stored_market, cwd=planned_run, warm=warm)
    check(done, mistake.code, *mistake.words)
    assert not list(planned_run.rglob("attempts"))


def test_database_that_is_away_is_waited_for_as_long_as_was_said() -> None:
    """Nobody listens: 75 after the seconds of the setting, by flag and by environment."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    env = {"DATABASE_URL": f"postgresql://user:{CANARY}@127.0.0.1:{port}/database"}
    started = time.monotonic()
    done = run_lorentzian(["migrate", "--database-retry-seconds", "1.5"], env)
    assert time.monotonic() - started < 15
    check(done, 75, f"127.0.0.1:{port}", "within 1.5 s")
    check(run_lorentzian(["features"], env | {"LORENTZIAN_DATABASE_RETRY_SECONDS": "0"}), 75, "within 0 s")


def test_wrong_password_is_refused_at_once(postgres_server: str, warm: WarmLorentzian) -> None:
    """A server that wants another password ends with 78, and neither password is shown."""
    with connect(postgres_server) as connection:
        connection.execute(sql.SQL("CREATE ROLE locked LOGIN PASSWORD {}").format(f"{CANARY}-right"))
        rules_file = Path(str((connection.execute("SHOW hba_file").fetchone() or [""])[0]))
        rules = rules_file.read_text()
        rules_file.write_text(f"local all locked scram-sha-256\n{rules}")
        connection.execute("SELECT pg_reload_conf()")
        conninfo = make_conninfo(postgres_server, user="locked", password=f"{CANARY}-wrong")
        done = run_lorentzian(["migrate"], {"DATABASE_URL": conninfo}, warm=warm)
        rules_file.write_text(rules)
        connection.execute("SELECT pg_reload_conf()")
        connection.execute("DROP ROLE locked")
    check(done, 78, "did not accept the password", "PGPASSWORD")


@pytest.mark.parametrize("command", ["import", "features", "collect"])
def test_missing_tables_name_the_command_that_makes_them(
    command: str, empty_database: str, warm: WarmLorentzian, tmp_path: Path
) -> None:
    """A database without our tables says `lorentzian migrate`."""
    files = write_small_files(tmp_path, small_markets(interval="1h", num_days=1)) if command == "import" else []
    done = run_lorentzian([command, *files], {"DATABASE_URL": empty_database}, cwd=tmp_path, warm=warm)
    check(done, 78, "has no tables of this program", "`lorentzian migrate`")


def test_bucket_that_is_absent_or_closed(
    stored_market: dict[str, str], s3_server: SeaweedServer, warm: WarmLorentzian
) -> None:
    """No bucket, keys that may not write, and keys that nobody knows: 78 and what to grant or create."""
    away = ["walkforward", *WALK, "--save-path", f"s3://absent-{uuid4().hex}/results"]
    here = ["walkforward", *WALK, "--save-path", f"s3://{BUCKET}/{uuid4().hex}"]
    admin, reader = (stored_market | env for env in (s3_server.environment(), s3_server.environment(READER)))
    stranger = admin | {"AWS_SECRET_ACCESS_KEY": CANARY}
    check(run_lorentzian(away, admin, warm=warm), 78, "does not exist", "Create it")
    check(run_lorentzian(here, reader, warm=warm), 78, "may not write", "s3:PutObject")
    check(run_lorentzian(here, stranger, warm=warm), 78, "refused the access keys", "AWS_SECRET_ACCESS_KEY")


def test_save_path_that_is_a_file(stored_market: dict[str, str], warm: WarmLorentzian, tmp_path: Path) -> None:
    """A file where the folder should be is named, and left as it is."""
    (tmp_path / "taken").write_text("precious")
    done = run_lorentzian(["walkforward", *WALK, "--save-path", "taken"], stored_market, cwd=tmp_path, warm=warm)
    check(done, 78, str(tmp_path / "taken"), "another --save-path")
    assert (tmp_path / "taken").read_text() == "precious"


def test_save_path_that_may_not_be_written(stored_market: dict[str, str]) -> None:
    """A folder that is closed to this user ends with 78 before anything is trained."""
    closed = make_open_folder("closed")
    closed.chmod(0o555)
    try:
        command = ["walkforward", *WALK, "--save-path", str(closed)]
        done = run_lorentzian(command, stored_market, prefix=without_roots_rights(stored_market["DATABASE_URL"]))
    finally:
        closed.rmdir()
    check(done, 78, str(closed), "permission denied", "Give this user the right")


def without_roots_rights(conninfo: str) -> tuple[str, ...]:
    """What takes root's right to write everywhere from a command, but lets it reach the test server's socket."""
    if os.geteuid() != 0:
        return ()
    if shutil.which("setpriv") is None:
        pytest.skip("root may write everywhere, and there is no setpriv to change that")
    parts = conninfo_to_dict(conninfo)
    os.chmod(f"{parts['host']}/.s.PGSQL.{parts['port']}", 0o777)
    return ("setpriv", "--inh-caps=-all", "--bounding-set=-all,+dac_read_search")


def test_gpu_that_is_not_there(stored_market: dict[str, str], warm: WarmLorentzian, tmp_path: Path) -> None:
    """Asking for a GPU on a machine without one ends with 69, never on the CPU in silence."""
    env = stored_market | {"CUDA_VISIBLE_DEVICES": ""}
    done = run_lorentzian(["walkforward", *WALK, "--device", "cuda"], env, cwd=tmp_path, warm=warm)
    check(done, 69, "No usable GPU", "--device cpu")


@pytest.mark.parametrize(
    ("package", "command"),
    [("psycopg", "migrate"), ("torch", "walkforward"), ("binance", "collect")],
)
def test_missing_package_gives_the_pip_line(package: str, command: str, tmp_path: Path) -> None:
    """A command whose extra is not installed says what to install."""
    (tmp_path / "sitecustomize.py").write_text(
        "import sys\n"
        "class Blocker:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        f"        if name.split('.')[0] == {package!r}:\n"
        "            raise ModuleNotFoundError(f'No module named {name!r}', name=name)\n"
        "sys.meta_path.insert(0, Blocker())\n"
    )
    done = run_lorentzian([command], {"PYTHONPATH": str(tmp_path)})
    check(
        done, 78, f"`lorentzian {command}` needs the package {package!r}", "`pip install 'lorentzian-trainer[local]'`"
    )


def test_another_package_of_the_same_name(tmp_path: Path) -> None:
    """A project with a `job` of its own is named, and none of it is run."""
    (tmp_path / "job").mkdir()
    (tmp_path / "job" / "__init__.py").write_text("raise SystemExit('the wrong package was run')\n")
    done = run_lorentzian(["--help"], {"PYTHONPATH": str(tmp_path)})
    check(done, 78, str(tmp_path / "job" / "__init__.py"), "PYTHONPATH")


def test_doctor_shows_every_failure_and_ends_as_the_first(tmp_path: Path, warm: WarmLorentzian) -> None:
    """One bad answer does not hide the next: all are shown, and the exit code is the first one's."""
    (tmp_path / "taken").write_text("")
    env = {"DATABASE_URL": f"postgresql://user:{CANARY}@127.0.0.1:1/database", "CUDA_VISIBLE_DEVICES": ""}
    command = ["doctor", "--save-path", "taken", "--device", "cuda", "--database-retry-seconds", "0"]
    done = run_lorentzian(command, env, cwd=tmp_path, warm=warm)
    check(done, 75, "3 of 3 checks failed: database, store, device")
    assert [line.split()[:2] for line in done.out.splitlines()] == [
        ["failed", "database:"],
        ["failed", "store:"],
        ["failed", "device:"],
    ]


def test_debug_shows_the_traceback() -> None:
    """Who asks for it gets it, before the sentence; that nobody else does, `run_lorentzian` looks for."""
    command = [executable(), "status", "--save-path", "/tmp/none", "--debug"]
    done = subprocess.run(command, env=clean_environment(), capture_output=True, text=True, check=False)
    assert done.returncode == 78
    assert done.stderr.count("Traceback") == 1
    assert done.stderr.splitlines()[-1].startswith("lorentzian: There is no run")
