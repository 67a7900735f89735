"""No secret leaves the program: not in logs, errors, artifacts, files or the process list, whatever goes wrong.

Every password and key that is handed out holds a canary. All that a command writes is searched for it, archives
unpacked.
"""

import io
import os
import signal
import tempfile
import threading
import zipfile
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from uuid import uuid4

import pytest
from psycopg import sql
from psycopg.conninfo import make_conninfo

from job.artifacts.s3 import S3Store, make_client
from job.data.postgres import connect
from tests.support.commands import CANARY, clean_environment
from tests.support.fixtures_s3 import BUCKET
from tests.support.seaweedfs import ADMIN, READER, SeaweedServer
from tests.support.small_market import MARKET, WALK, small_markets, store_small_markets
from tests.support.stored_objects import stored_objects
from tests.support.warm_commands import WarmLorentzian

CANARIES = (CANARY, ADMIN.secret_key, READER.secret_key)
TRAIN = ["train", *MARKET, "--data-days", "8", "--epochs", "2", "--model", "logistic"]
LOOK_SECONDS = 0.02
TIMEOUT_S = 240.0


@dataclass(frozen=True, kw_only=True)
class Written:
    """Whatever a command wrote, by where.

    Parameters
    ----------
    code : its exit code.
    places : stdout, stderr, termination log, files, and the command lines of its processes.
    """

    code: int
    places: dict[str, bytes]


@pytest.fixture(scope="module")
def market(postgres_server: str) -> Iterator[str]:
    """The connection string of a user with a password, to a database with twelve days of klines and features."""
    with connect(postgres_server) as connection:
        connection.execute("CREATE DATABASE canaries TEMPLATE migrated")
        connection.execute(sql.SQL("CREATE ROLE keeper LOGIN SUPERUSER PASSWORD {}").format(f"{CANARY}-right"))
        rules_file = Path(str((connection.execute("SHOW hba_file").fetchone() or [""])[0]))
        rules = rules_file.read_text()
        rules_file.write_text(f"local all keeper scram-sha-256\n{rules}")
        connection.execute("SELECT pg_reload_conf()")
        conninfo = make_conninfo(postgres_server, dbname="canaries", user="keeper", password=f"{CANARY}-right")
        store_small_markets(conninfo, small_markets())
        yield conninfo
        rules_file.write_text(rules)
        connection.execute("SELECT pg_reload_conf()")
        connection.execute("DROP DATABASE canaries WITH (FORCE)")
        connection.execute("DROP ROLE keeper")


def run(warm: WarmLorentzian, arguments: Sequence[str], env: Mapping[str, str], folder: Path) -> Written:
    """Run a command with all its secrets, and collect what it writes."""
    temporary, termination = folder / "tmp", folder / "termination-log"
    temporary.mkdir(exist_ok=True)
    termination.touch()
    environment = {
        "TMPDIR": str(temporary),
        "LORENTZIAN_TERMINATION_LOG": str(termination),
        "LORENTZIAN_AUTH_PASSWORD": f"{CANARY}-dashboard",
        "AWS_SESSION_TOKEN": "",
    } | dict(env)
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        process = warm.start(arguments, env=clean_environment(environment), cwd=folder, out=out, err=err)
        try:
            with process_list(process.pid) as seen:
                code = process.wait(timeout=TIMEOUT_S)
        except BaseException:
            os.killpg(process.pid, signal.SIGKILL)
            raise
        places = {"process list": b"\n".join(sorted(seen))}
        for name, file in (("stdout", out), ("stderr", err)):
            file.seek(0)
            places[name] = file.read()
    places |= {str(path): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    return Written(code=code, places=places)


def run_on_bucket(
    warm: WarmLorentzian, arguments: Sequence[str], market: str, server: SeaweedServer, folder: Path
) -> Written:
    """Run a command that stores its results on S3; its objects are among its places."""
    prefix = f"{uuid4().hex}/results"
    env = server.environment() | {"DATABASE_URL": market}
    written = run(warm, [*arguments, "--save-path", f"s3://{BUCKET}/{prefix}"], env, folder)
    with pytest.MonkeyPatch.context() as patch:
        for name, value in server.environment().items():
            patch.setenv(name, value)
        store = S3Store(make_client(), bucket=BUCKET, prefix=prefix)
    return Written(code=written.code, places=written.places | stored_objects(store))


@contextmanager
def process_list(group: int) -> Iterator[set[bytes]]:
    """The command lines of a group of processes, as any user of the machine sees them, for as long as the block."""
    seen: set[bytes] = set()
    has_ended = threading.Event()

    def look() -> None:
        while not has_ended.wait(LOOK_SECONDS):
            for process in Path("/proc").glob("[0-9]*"):
                try:
                    if os.getpgid(int(process.name)) == group:
                        seen.add((process / "cmdline").read_bytes())
                except OSError:  # it has ended
                    continue

    looker = threading.Thread(target=look)
    looker.start()
    try:
        yield seen
    finally:
        has_ended.set()
        looker.join()


def leaks(places: Mapping[str, bytes]) -> list[str]:
    """Where a canary shows, archives unpacked."""
    return sorted({place for place, data in places.items() for part in unpacked(data) for c in CANARIES if c in part})


def unpacked(data: bytes) -> Iterator[str]:
    """The data, and what is inside where they are a zip or a PNG."""
    yield data.decode("latin-1")
    if zipfile.is_zipfile(io.BytesIO(data)):
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            yield from (archive.read(name).decode("latin-1") for name in archive.namelist())
    if data.startswith(b"\x89PNG"):
        text = data.find(b"zTXt")
        yield zlib.decompress(data[data.index(b"\0", text) + 2 :]).decode("latin-1") if text > 0 else ""


@pytest.fixture(scope="module")
def trained(
    warm: WarmLorentzian, market: str, s3_server: SeaweedServer, tmp_path_factory: pytest.TempPathFactory
) -> Written:
    """A training on a bucket; what it wrote there is among its places."""
    return run_on_bucket(warm, [*TRAIN, "--verbose", "--debug"], market, s3_server, tmp_path_factory.mktemp("trained"))


@pytest.mark.slow
def test_training_writes_no_secret(trained: Written) -> None:
    """Logs at their loudest, every object, temporary files and the process list hold none."""
    assert trained.code == 0, trained.places["stderr"].decode()
    assert any(place.endswith(".pt") for place in trained.places)
    assert any(place.endswith("plan.json") for place in trained.places)
    assert leaks(trained.places) == []


def test_search_finds_what_is_planted() -> None:
    """A canary in text, in a packed member and in a command line is found: the search can fail."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("inside", f"password={CANARY}")
    places = {"packed": packed.getvalue(), "said": f"key={ADMIN.secret_key}".encode(), "clean": b"password=***"}
    assert leaks(places) == ["packed", "said"]
    with process_list(os.getpgid(0)) as seen:
        threading.Event().wait(0.2)
    assert any(b"python" in line or b"pytest" in line for line in seen)


@dataclass(frozen=True, kw_only=True)
class Mistake:
    """A command that must fail; the words are in its last line and in what `kubectl describe` shows of its pod."""

    name: str
    arguments: list[str]
    code: int
    words: str
    env: dict[str, str] = field(default_factory=dict)


UNREADABLE = {"DATABASE_URL": f"postgres//user:{CANARY}@host/db"}
NOWHERE = {"DATABASE_URL": f"postgresql://user:{CANARY}@127.0.0.1:1/db"}
BUCKET_PATH = ["--save-path", f"s3://{BUCKET}/x"]
MISTAKES = (
    Mistake(name="wrong password", arguments=["features"], code=78, words="did not accept the password"),
    Mistake(name="unreadable URL", arguments=["features"], env=UNREADABLE, code=78, words="string is not valid"),
    Mistake(
        name="unreadable URL beside a password file",
        arguments=["features", "--database-password-file", "password"],
        env=UNREADABLE,
        code=78,
        words="string is not valid",
    ),
    Mistake(
        name="server that is away",
        arguments=["features", "--database-retry-seconds", "0"],
        env=NOWHERE,
        code=75,
        words="did not accept a connection",
    ),
    Mistake(
        name="absent bucket", arguments=[*TRAIN, "--save-path", "s3://absent-bucket/x"], code=78, words="does not exist"
    ),
    Mistake(
        name="keys that nobody knows",
        arguments=[*TRAIN, *BUCKET_PATH],
        env={"AWS_SECRET_ACCESS_KEY": CANARY},
        code=78,
        words="refused the access keys",
    ),
    Mistake(
        name="keys in the save path",
        arguments=[*TRAIN, "--save-path", f"s3://key:{CANARY}@{BUCKET}/x"],
        code=78,
        words="names no bucket",
    ),
    Mistake(
        name="gateway with a password",
        arguments=["features"],
        env={"LORENTZIAN_METRICS_PUSH": f"http://user:{CANARY}@127.0.0.1:1/"},
        code=78,
        words="holds a user or a password",
    ),
    Mistake(
        name="password in a flag that is none",
        arguments=["features", f"--pasword={CANARY}"],
        code=64,
        words="knows no '--pasword'",
    ),
    Mistake(
        name="password under a wrong name",
        arguments=["features"],
        env={"LORENTZIAN_DATABASE_ULR": CANARY},
        code=78,
        words="which is no setting",
    ),
)


@pytest.mark.parametrize("mistake", [pytest.param(mistake, id=mistake.name) for mistake in MISTAKES])
def test_mistake_shows_no_secret(
    mistake: Mistake, warm: WarmLorentzian, market: str, s3_server: SeaweedServer, tmp_path: Path
) -> None:
    """Not even with a traceback, whose causes are the libraries' own errors."""
    (tmp_path / "password").write_text("of-a-file")
    url = make_conninfo(market, password=f"{CANARY}-wrong") if mistake.name == "wrong password" else market
    env = s3_server.environment() | {"DATABASE_URL": url} | mistake.env
    written = run(warm, [*mistake.arguments, "--debug"], env, tmp_path)
    said = written.places["stderr"].decode()
    assert written.code == mistake.code, said
    assert mistake.words in said.splitlines()[-1]
    assert mistake.words in written.places[str(tmp_path / "termination-log")].decode()
    assert leaks(written.places) == []


@pytest.mark.parametrize("command", ["walkforward", "dashboard", "migrate"])
def test_shown_settings_show_no_secret(command: str, warm: WarmLorentzian, market: str, tmp_path: Path) -> None:
    """`lorentzian config` says that a secret is set, and where; never what it is."""
    written = run(warm, ["config", command], {"DATABASE_URL": market}, tmp_path)
    assert written.code == 0
    assert leaks(written.places) == []


@pytest.mark.slow
def test_walkforward_writes_no_secret(
    warm: WarmLorentzian, market: str, s3_server: SeaweedServer, tmp_path: Path
) -> None:
    """In two processes: neither is told its secrets by a command line or a file, and the run's result holds none."""
    command = ["walkforward", *WALK[:-2], "--workers", "2", "--model", "logistic"]
    written = run_on_bucket(warm, command, market, s3_server, tmp_path)
    assert written.code == 0, written.places["stderr"].decode()
    assert b"spawn_main" in written.places["process list"]
    for ending in ("plan.json", "summary.json", "report.html", ".png", "runs-index.json"):
        assert any(place.endswith(ending) for place in written.places), ending
    assert any(place.startswith("ledger/") for place in written.places)
    assert leaks(written.places) == []
