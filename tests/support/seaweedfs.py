"""A real S3 server for tests: SeaweedFS, in one process on loopback, gone when the block ends."""

import json
import shutil
import socket
import subprocess
import sysconfig
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from tests.support.certificates import Certificate, sign_server

START_TIMEOUT_S = 60.0
NUM_START_TRIES = 3  # another process may take a free port between the look and the bind


@dataclass(frozen=True, kw_only=True)
class Identity:
    """One pair of keys and what it may do; the pairs are made up and open nothing else."""

    name: str
    access_key: str
    secret_key: str
    actions: tuple[str, ...]


ADMIN = Identity(
    name="admin",
    access_key="TESTADMINKEY",
    secret_key="test-admin-not-a-real-one",
    actions=("Admin", "Read", "Write", "List", "Tagging"),
)
READER = Identity(
    name="reader",
    access_key="TESTREADERKEY",
    secret_key="test-reader-not-a-real-one",
    actions=("Read", "List"),
)

# Nothing at first: a bucket's policy says what these may do.
TRAINER, VIEWER, PRUNER = (
    Identity(name=name, access_key=f"TEST{name.upper()}KEY", secret_key=f"test-{name}-not-a-real-one", actions=())
    for name in ("trainer", "viewer", "pruner")
)


@dataclass(frozen=True, kw_only=True)
class SeaweedServer:
    """Where the server answers, and who signed its certificate, where it has one."""

    endpoint_url: str
    authority: Path | None = None

    def environment(self, identity: Identity = ADMIN) -> dict[str, str]:
        """The standard AWS variables for one identity, and nothing of the machine's own AWS set-up."""
        bundle = {} if self.authority is None else {"AWS_CA_BUNDLE": str(self.authority)}
        return bundle | {
            "AWS_ENDPOINT_URL_S3": self.endpoint_url,
            "AWS_ACCESS_KEY_ID": identity.access_key,
            "AWS_SECRET_ACCESS_KEY": identity.secret_key,
            "AWS_REGION": "us-east-1",
            "AWS_CONFIG_FILE": "/dev/null",
            "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
            "AWS_EC2_METADATA_DISABLED": "true",
        }

    def create_bucket(self, bucket: str) -> None:
        """Make ``bucket`` as the administrator."""
        client = boto3.client(
            "s3",
            endpoint_url=self.endpoint_url,
            aws_access_key_id=ADMIN.access_key,
            aws_secret_access_key=ADMIN.secret_key,
            region_name="us-east-1",
            verify=None if self.authority is None else str(self.authority),
            config=Config(retries={"mode": "standard", "total_max_attempts": 1}, read_timeout=5),
        )
        client.create_bucket(Bucket=bucket)
        client.close()


def weed_executable() -> str | None:
    """The server's executable: beside this Python first, then on the path; None when it is not installed."""
    return shutil.which("weed", path=sysconfig.get_path("scripts")) or shutil.which("weed")


def free_ports(count: int) -> list[int]:
    """Loopback ports that nobody listened on a moment ago, all different."""
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [int(each.getsockname()[1]) for each in sockets]


@contextmanager
def seaweed_server(*, authority: Certificate | None = None) -> Iterator[SeaweedServer]:
    """Run one server with the identities above until the block ends; over TLS where an authority signs for it."""
    executable = weed_executable()
    if executable is None:
        raise FileNotFoundError("weed")
    # Short, because the paths of its sockets may have 107 characters at most.
    with tempfile.TemporaryDirectory(prefix="weed-", ignore_cleanup_errors=True) as folder:
        for attempt in range(1, NUM_START_TRIES + 1):
            ports = free_ports(9)
            tls = [] if authority is None else _tls(authority, Path(folder), ports[-1])
            with (Path(folder) / "weed.log").open("wb") as log:
                process = subprocess.Popen(
                    [*_command(executable, Path(folder), ports[:8]), *tls], stdout=log, stderr=subprocess.STDOUT
                )
            try:
                server = SeaweedServer(endpoint_url=f"http://127.0.0.1:{ports[7]}")
                if authority is not None:
                    server = SeaweedServer(endpoint_url=f"https://127.0.0.1:{ports[8]}", authority=authority.path)
                if _answers(server, process):
                    yield server
                    return
            finally:
                process.kill()
                process.wait()
                remove_sockets(ports)
            if attempt == NUM_START_TRIES:
                tail = (Path(folder) / "weed.log").read_text(errors="replace")[-2000:]
                raise RuntimeError(f"SeaweedFS did not start:\n{tail}")


def _command(executable: str, folder: Path, ports: list[int]) -> list[str]:
    """The command line: everything on loopback, small volumes, no telemetry, no bucket made by itself."""
    identities = [
        {
            "name": identity.name,
            "credentials": [{"accessKey": identity.access_key, "secretKey": identity.secret_key}],
            "actions": list(identity.actions),
        }
        for identity in (ADMIN, READER, TRAINER, VIEWER, PRUNER)
    ]
    (folder / "s3.json").write_text(json.dumps({"identities": identities}))
    (folder / "data").mkdir(exist_ok=True)
    names = ("master", "volume", "filer", "s3")
    grpc = [f"-{name}.port.grpc={port}" for name, port in zip(names, ports[:4], strict=True)]
    http = [f"-{name}.port={port}" for name, port in zip(names, ports[4:], strict=True)]
    return [
        executable,
        "server",
        f"-dir={folder / 'data'}",
        "-ip=127.0.0.1",
        "-ip.bind=127.0.0.1",
        *grpc,
        *http,
        "-master.electionTimeout=1s",
        "-master.telemetry=false",
        "-master.volumeSizeLimitMB=64",
        "-volume.max=200",
        "-volume.preStopSeconds=0",
        f"-filer.localSocket={folder / 'filer.sock'}",
        "-s3",
        f"-s3.config={folder / 's3.json'}",
        "-s3.autoCreateBucket=false",
        "-s3.port.iceberg=0",
        "-s3.port.lance=0",
        f"-s3.localSocket={folder / 's3.sock'}",
    ]


def _tls(authority: Certificate, folder: Path, port: int) -> list[str]:
    """A certificate for loopback, and the port that shows it."""
    certificate = sign_server(authority, folder, name="IP:127.0.0.1")
    files = (f"-s3.cert.file={certificate.path}", f"-s3.key.file={certificate.key}")
    return [*files, f"-s3.port.https={port}"]


def _answers(server: SeaweedServer, process: "subprocess.Popen[bytes]") -> bool:
    """Wait until a bucket can be made; False when the process ends first or never gets there."""
    deadline = time.monotonic() + START_TIMEOUT_S
    while process.poll() is None and time.monotonic() < deadline:
        try:
            server.create_bucket("ready")
        except (BotoCoreError, ClientError):
            time.sleep(0.1)
        else:
            return True
    return False


def remove_sockets(ports: list[int]) -> None:
    """Remove the sockets that the server names after its ports in /tmp and leaves when it is killed."""
    for port in ports:
        for leftover in Path("/tmp").glob(f"seaweedfs-*-{port}.sock"):
            leftover.unlink(missing_ok=True)
