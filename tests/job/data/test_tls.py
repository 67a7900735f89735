"""TLS to a database as a cluster has it: ``sslmode=verify-full`` and a bundle of authorities, on Debian's Postgres."""

import os
import pwd
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from psycopg.conninfo import make_conninfo

from job.data.postgres import connect
from job.data.schema import migrate, require_schema
from job.errors import ConfigError
from tests.support.certificates import make_authority, require_openssl, sign_server
from tests.support.open_folders import make_open_folder
from tests.support.seaweedfs import free_ports

NAME = "database.example"
PASSWORD = "canary-5ecret"
ACCOUNT = "postgres" if os.geteuid() == 0 else None  # Postgres refuses to run as root


@dataclass(frozen=True, kw_only=True)
class TlsServer:
    """A server that answers over TLS alone, under one name.

    Parameters
    ----------
    conninfo : to it, without a word on TLS.
    authority : the certificate of who signed the server's.
    stranger : that of somebody else.
    """

    conninfo: str
    authority: Path
    stranger: Path

    def with_tls(self, **changes: str) -> str:
        """The connection string of somebody who trusts the authority, and checks the name."""
        return make_conninfo(
            self.conninfo, **({"sslmode": "verify-full", "sslrootcert": str(self.authority)} | changes)
        )


def programs() -> Path:
    """Where Debian puts the newest server."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    if not found:
        pytest.skip("postgresql is not installed")
    return found[-1].parent


@pytest.fixture(scope="module")
def server() -> Iterator[TlsServer]:
    """A server of its own, with a certificate for `NAME`."""
    require_openssl()
    folder_of_programs, folder = programs(), make_open_folder("tls")
    data, (port,) = folder / "data", free_ports(1)
    authority, stranger = make_authority(folder, "authority"), make_authority(folder, "stranger")
    certificate = sign_server(authority, folder, name=f"DNS:{NAME}")
    (folder / "rules").write_text("hostssl all all 127.0.0.1/32 scram-sha-256\n")
    (folder / "password").write_text(PASSWORD)
    for path in (folder, *folder.iterdir()):
        if ACCOUNT is not None:
            os.chown(path, pwd.getpwnam(ACCOUNT).pw_uid, -1)
    settings = f"-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories='' -c fsync=off -c ssl=on"
    files = f"-c ssl_cert_file={certificate.path} -c ssl_key_file={certificate.key} -c hba_file={folder}/rules"

    def execute(program: str, *arguments: str) -> None:
        subprocess.run(
            [folder_of_programs / program, *arguments], check=True, stdout=subprocess.DEVNULL, user=ACCOUNT, cwd="/"
        )

    execute("initdb", "-D", str(data), "-U", "admin", f"--pwfile={folder}/password", "-A", "scram-sha-256", "--no-sync")
    execute("pg_ctl", "-D", str(data), "-w", "-l", f"{folder}/log", "-o", f"{settings} {files}", "start")
    try:
        yield TlsServer(
            conninfo=make_conninfo(
                "", host=NAME, hostaddr="127.0.0.1", port=port, user="admin", password=PASSWORD, dbname="postgres"
            ),
            authority=authority.path,
            stranger=stranger.path,
        )
    finally:
        execute("pg_ctl", "-D", str(data), "-m", "immediate", "stop")
        shutil.rmtree(folder)


def test_verified_connection_is_encrypted_and_works(server: TlsServer) -> None:
    """With the right authority and name, migrations run over TLS."""
    with connect(server.with_tls()) as connection:
        assert connection.execute("SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()").fetchone() == (True,)
        migrate(connection)
        require_schema(connection)


def test_verification_is_taken_from_the_environment(server: TlsServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """A pod is told by PGSSLMODE and PGSSLROOTCERT, whatever its connection string leaves out."""
    monkeypatch.setenv("PGSSLMODE", "verify-full")
    monkeypatch.setenv("PGSSLROOTCERT", str(server.authority))
    connect(server.conninfo).close()
    monkeypatch.setenv("PGSSLROOTCERT", str(server.stranger))
    with pytest.raises(ConfigError, match="certificate"):
        connect(server.conninfo)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"sslrootcert": "{stranger}"}, "certificate verify failed"),
        ({"host": "127.0.0.1"}, "does not match host name"),
        ({"host": "other.example"}, "does not match host name"),
        ({"sslrootcert": "/nowhere/ca.crt"}, "does not exist"),
        ({"sslrootcert": "/dev/null"}, "certificate"),
        ({"sslmode": "disable"}, "no encryption"),
    ],
    ids=["another authority", "address for a name", "another name", "no bundle", "empty bundle", "no TLS"],
)
def test_connection_that_cannot_be_verified_is_refused_at_once(
    server: TlsServer, changes: dict[str, str], words: str
) -> None:
    """One sentence that names what is wrong with the certificate; the password was not shown, and nobody waited."""
    conninfo = server.with_tls(**{name: value.format(stranger=server.stranger) for name, value in changes.items()})
    with pytest.raises(ConfigError, match=words) as caught:
        connect(conninfo, retry_seconds=600)
    assert PASSWORD not in str(caught.value)
    assert "PGSSLMODE" in caught.value.remedy
