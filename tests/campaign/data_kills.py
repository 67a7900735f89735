"""The kill campaign of what fills the database: each command dies before each of its statements in turn.

Started again, each must complete, and leave the tables that an undisturbed one leaves: nothing lost, nothing twice.
"""

import argparse
import shutil
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from job.data.postgres import connect
from job.intervals import floor_day, interval_ms
from job.run.attempt import now_ms
from tests.campaign.attempts import Attempt, Ending
from tests.campaign.faults import Fault
from tests.support.binance_server import running_binance
from tests.support.open_folders import make_open_folder
from tests.support.small_market import INTERVAL, NUM_DAYS, small_markets, write_small_files
from tests.support.warm_commands import WarmLorentzian

MAX_STATEMENTS = 400


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's flags."""
    parser.add_argument("--every", type=int, default=1, help="die before every so many statements only [1]")


def run(arguments: argparse.Namespace) -> None:
    """Run the whole campaign and print its figures."""
    from job.data.embedded import embedded_database
    from tests.support.warm_commands import warm_lorentzian

    folder = make_open_folder("kills")
    try:
        with warm_lorentzian() as warm, embedded_database("postgres", folder=folder) as server:
            counts = strike_each(server, warm, every=arguments.every)
    finally:
        shutil.rmtree(folder)
    for name, count in counts.items():
        print(f"{name}: killed at {count} places, statement after statement; tables equal after one more start")


def strike_each(server: str, warm: WarmLorentzian, *, every: int) -> dict[str, int]:
    """Sweep over the statements of each command; how many each was killed at."""
    now = now_ms()
    markets = small_markets(now - now % interval_ms(INTERVAL))
    published = {("perp", symbol, INTERVAL): klines for symbol, klines in markets.items()}
    counts = {}
    with (
        tempfile.TemporaryDirectory() as folder,
        running_binance(now_ms=now, markets=published, published_until_ms=floor_day(now)) as binance,
    ):
        files = write_small_files(Path(folder), markets)
        days = ["--interval", INTERVAL, "--days", str(NUM_DAYS - 1)]
        stages = (
            ("migrate", "template1", ["migrate"]),
            ("import", "after_migrate", ["import", *files, "--interval", INTERVAL]),
            ("collect", "after_migrate", ["collect", *days, "--base-url", binance.url, "--archive-url", binance.url]),
            ("features", "after_import", ["features", "--interval", INTERVAL]),
        )
        for name, before, arguments in stages:
            with fresh_database(server, before, f"after_{name}", is_kept=True) as conninfo:
                assert _start(conninfo, arguments, warm).code == 0
                wanted = table_digests(conninfo)
            counts[name] = _sweep(server, before, arguments, wanted, warm, every=every)
            print(f"{name}: {counts[name]} kills", file=sys.stderr, flush=True)
    with connect(server) as connection:
        for name, _, _ in stages:
            connection.execute(sql.SQL("DROP DATABASE {}").format(sql.Identifier(f"after_{name}")))
    return counts


def _sweep(
    server: str, before: str, arguments: Sequence[str], wanted: dict[str, str], warm: WarmLorentzian, *, every: int
) -> int:
    """Die before statement 1, 2, ... of fresh starts, and start once more; how many there were."""
    num_kills = 0
    for number in range(1, MAX_STATEMENTS, every):
        with fresh_database(server, before, "struck") as conninfo:
            struck = _start(conninfo, arguments, warm, Fault(place="statement", number=number))
            if struck.code == 0:
                assert table_digests(conninfo) == wanted
                return num_kills
            assert struck.is_killed, struck
            num_kills += 1
            again = _start(conninfo, arguments, warm)
            assert again.code == 0, again
            found = table_digests(conninfo)
            assert found == wanted, f"killed at statement {number}, {struck.place}: {found} instead of {wanted}"
    raise AssertionError("there are more statements than that")


def _start(conninfo: str, arguments: Sequence[str], warm: WarmLorentzian, fault: Fault | None = None) -> Ending:
    return Attempt(arguments, {"DATABASE_URL": conninfo}, warm=warm, fault=fault).finish()


@contextmanager
def fresh_database(server: str, template: str, name: str, *, is_kept: bool = False) -> Iterator[str]:
    """A copy of a database, dropped in the end unless it is kept."""
    names = {"name": sql.Identifier(name), "template": sql.Identifier(template)}
    with connect(server) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {name} TEMPLATE {template}").format(**names))
    yield make_conninfo("", **{**conninfo_to_dict(server), "dbname": name})
    if not is_kept:
        with connect(server) as connection:
            connection.execute(sql.SQL("DROP DATABASE {name} WITH (FORCE)").format(**names))


def table_digests(conninfo: str) -> dict[str, str]:
    """A digest of each table's rows, whatever their order; times of storing are left out."""
    with connect(conninfo) as connection:
        tables = connection.execute(
            "SELECT tablename FROM pg_tables WHERE schemaname NOT IN ('pg_catalog', 'information_schema') ORDER BY 1"
        ).fetchall()
        found = {}
        for (table,) in tables:
            columns = connection.execute(
                "SELECT column_name FROM information_schema.columns WHERE table_name = %s AND column_default IS NULL",
                [table],
            ).fetchall()
            listed = sql.SQL(", ").join(sql.Identifier(name) for (name,) in sorted(columns))
            query = sql.SQL("SELECT md5(string_agg(r::text, '|' ORDER BY r::text)) FROM (SELECT {} FROM {}) AS r")
            row = connection.execute(query.format(listed, sql.Identifier(table))).fetchone()
            assert row is not None
            found[table] = str(row[0])
    return found
