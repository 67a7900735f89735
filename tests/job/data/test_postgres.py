import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import make_conninfo

from job.data.postgres import connect, translate_errors
from job.errors import ConfigError, DatabaseUnavailable
from tests.support.fault_proxy import Rule, fault_proxy, to_path

PASSWORD = "s3cret!word"


@pytest.fixture(scope="module")
def guarded(postgres_server: str) -> Iterator[str]:
    """A connection string of the role ``guarded``, which the server asks for its password."""
    with connect(postgres_server) as connection:
        connection.execute(sql.SQL("CREATE ROLE guarded LOGIN PASSWORD {}").format(PASSWORD))
        hba_file = Path(str((connection.execute("SHOW hba_file").fetchone() or [""])[0]))
        rules = hba_file.read_text()
        hba_file.write_text("local all guarded scram-sha-256\nlocal all banned reject\n" + rules)
        connection.execute("SELECT pg_reload_conf()")
        yield make_conninfo(postgres_server, user="guarded", password=PASSWORD)
        hba_file.write_text(rules)
        connection.execute("SELECT pg_reload_conf()")
        connection.execute("DROP ROLE guarded")


def shown(error: BaseException | None) -> str:
    """All that a traceback says of an error: its message and those of the errors that it chains."""
    messages = []
    while error is not None:
        messages.append(str(error))
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    return "\n".join(messages)


def free_port() -> int:
    """A local TCP port that nothing listens on."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def test_connect_gives_a_utc_autocommit_session_with_a_name(postgres_server: str) -> None:
    """People reading pg_stat_activity see who we are, and times print in UTC."""
    with connect(postgres_server) as connection:
        assert connection.autocommit
        assert connection.execute("SHOW TIME ZONE").fetchone() == ("UTC",)
        assert connection.execute("SHOW application_name").fetchone() == ("lorentzian",)


def test_connect_takes_what_is_missing_from_the_environment(
    postgres_server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An empty string means libpq's PG* variables."""
    parts = psycopg.conninfo.conninfo_to_dict(postgres_server)
    for name, variable in {"host": "PGHOST", "port": "PGPORT", "user": "PGUSER"}.items():
        monkeypatch.setenv(variable, str(parts[name]))
    monkeypatch.setenv("PGDATABASE", "template1")
    with connect("") as connection:
        assert connection.info.dbname == "template1"


def test_connect_keeps_options_of_the_connection_string(postgres_server: str) -> None:
    """Ours are defaults."""
    with connect(make_conninfo(postgres_server, application_name="mine")) as connection:
        assert connection.execute("SHOW application_name").fetchone() == ("mine",)


def test_connect_refused_for_good_ends_at_once(guarded: str) -> None:
    """Wrong password, none, unknown database, unknown role, a ban: one sentence each, and no waiting."""
    cases = {
        make_conninfo(guarded, password="wr0ng"): "did not accept the password",
        guarded.replace(f" password={PASSWORD}", ""): "did not accept the password",
        make_conninfo(guarded, dbname="absent"): "has no such database",
        make_conninfo(guarded, user="absent", password=PASSWORD): "has no such user",
        make_conninfo(guarded, user="banned"): "refuses the connection: pg_hba.conf rejects connection",
    }
    start = time.monotonic()
    for conninfo, problem in cases.items():
        with pytest.raises(ConfigError, match=problem) as caught:
            connect(conninfo)
        assert caught.value.remedy
        assert PASSWORD not in shown(caught.value)
        assert "wr0ng" not in shown(caught.value)
    assert time.monotonic() - start < 20


def test_connect_names_host_port_user_and_database() -> None:
    """Who does not answer is named in full; the password is not."""
    port = free_port()
    with pytest.raises(DatabaseUnavailable) as caught:
        connect(f"postgresql://ann:{PASSWORD}@127.0.0.1:{port}/bars", retry_seconds=0)
    assert f"127.0.0.1:{port} (user 'ann', database 'bars')" in str(caught.value)
    assert PASSWORD not in shown(caught.value)


def test_connect_tries_an_unreachable_server_again_within_its_time() -> None:
    """Retries are bounded by the time that was asked for."""
    start = time.monotonic()
    with pytest.raises(DatabaseUnavailable, match=r"did not accept a connection within 0\.7 s"):
        connect(f"postgresql://127.0.0.1:{free_port()}/bars", retry_seconds=0.7)
    assert 0.1 < time.monotonic() - start < 20


def test_connect_waits_for_a_full_server(guarded: str, postgres_server: str) -> None:
    """Too many connections is tried again, and succeeds once there is room."""
    with connect(postgres_server) as connection:
        connection.execute("ALTER ROLE guarded CONNECTION LIMIT 0")
        with pytest.raises(DatabaseUnavailable):
            connect(guarded, retry_seconds=0.3)

        def make_room() -> None:
            connection.execute("ALTER ROLE guarded CONNECTION LIMIT -1")

        timer = threading.Timer(0.5, make_room)
        timer.start()
        connect(guarded).close()
        timer.join()


@pytest.mark.parametrize(
    "conninfo",
    [
        "postgres:s3cret",
        "postgresql://ann:pa%zzs3cret@host/bars",
        "postgresql://ann:pa@s3cret@host/bars",
        "postgresql://ann:s3cret/more@host/bars",
        "postgresql://ann:1234/s3cret@host/bars",
        "host=127.0.0.1 password=a s3cret",
        "host=127.0.0.1 port=s3cret",
        "host=127.0.0.1 connect_timeout=s3cret",
        "host=127.0.0.1 sslmode=s3cret",
    ],
)
def test_connect_never_repeats_an_invalid_string(conninfo: str) -> None:
    """A password with an unescaped character lands in any part of the string: none of it is shown, nor chained."""
    with pytest.raises(ConfigError, match="connection string is not valid") as caught:
        connect(conninfo, retry_seconds=5)
    assert "s3cret" not in shown(caught.value)


def test_translate_errors_names_the_remedy(database: str) -> None:
    """A missing table or column points to `migrate`, a missing right to the grant."""
    with connect(database) as connection:
        for query in ("SELECT * FROM absent", "SELECT absent FROM klines"):
            with pytest.raises(ConfigError, match="Run `lorentzian migrate`"), translate_errors():
                connection.execute(query)
        connection.execute("CREATE ROLE stranger")
        connection.execute("SET ROLE stranger")
        with pytest.raises(ConfigError, match="permission denied for table klines"), translate_errors():
            connection.execute("SELECT * FROM klines")
        connection.execute("RESET ROLE")
        connection.execute("DROP ROLE stranger")
        connection.execute("SET default_transaction_read_only = on")
        with pytest.raises(ConfigError, match="read-only"), translate_errors():
            connection.execute("DELETE FROM klines")


def test_translate_errors_calls_a_lost_connection_unavailable(database: str) -> None:
    """A connection that the server ends, and each use of it later, is counted as the database being away."""
    with connect(database) as victim, connect(database) as killer:
        killer.execute("SELECT pg_terminate_backend(%s)", [victim.info.backend_pid])
        for _ in range(2):
            with pytest.raises(DatabaseUnavailable, match="stopped answering"), translate_errors():
                victim.execute("SELECT 1")


def test_translate_errors_leaves_our_own_bugs_alone(database: str) -> None:
    """Broken SQL is not the user's fault."""
    with connect(database) as connection, pytest.raises(psycopg.errors.SyntaxError), translate_errors():
        connection.execute("SELEC 1")


def test_connect_takes_nobody_for_a_refusal(postgres_server: str) -> None:
    """A connection that breaks before anybody has said a word is tried again, although the server itself is well."""
    path = f"{psycopg.conninfo.conninfo_to_dict(postgres_server)['host']}/.s.PGSQL.5432"
    with fault_proxy(to_path(path)) as proxy:
        proxy.strike(Rule(deed="reset"), times=2)
        connect(make_conninfo(postgres_server, host="127.0.0.1", port=proxy.port)).close()
        proxy.strike(Rule(deed="close"))
        with pytest.raises(DatabaseUnavailable, match=r"within 0\.5 s \(server closed the connection unexpectedly\)"):
            connect(make_conninfo(postgres_server, host="127.0.0.1", port=proxy.port), retry_seconds=0.5)
