import multiprocessing
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from job.data.collect import CollectReport, Gap, collect_klines
from job.data.kline_files import read_kline_file
from job.data.kline_table import read_klines, stored_span, write_klines
from job.data.klines import Klines, MarketKey
from job.data.patience import Patience
from job.data.postgres import Connection, connect
from job.errors import DataError, ExchangeUnavailable, NoDataError, UsageError
from job.intervals import DAY_MS, MINUTE_MS
from tests.support.binance_server import BinanceServer, csv_gz, running_binance
from tests.support.klines import random_klines, without_bars
from tests.support.same_bars import assert_same_bars

KEY = MarketKey(venue="binance-perp", symbol="SOLUSDT", interval="15m")
STEP_MS = 15 * MINUTE_MS
JUNE_20 = 1_750_377_600_000  # 2025-06-20 00:00 UTC
KLINES = random_klines(40 * 96, "15m", start_ms=JUNE_20)
CLOSED = KLINES.select(slice(len(KLINES) - 1))
NOW_MS = int(KLINES.open_time[-1]) + MINUTE_MS
MIDNIGHT = NOW_MS - NOW_MS % DAY_MS
PATIENCE = Patience(sleep=lambda seconds: None)


@pytest.fixture
def server() -> Iterator[BinanceServer]:
    """An archive until yesterday, and REST until the bar that is open."""
    with running_binance(
        now_ms=NOW_MS,
        published_until_ms=MIDNIGHT,
        monthly_until_ms=MIDNIGHT,
        markets={("perp", "SOLUSDT", "15m"): KLINES},
    ) as running:
        yield running


@pytest.fixture
def connection(database: str) -> Iterator[Connection]:
    """A connection to a fresh database."""
    with connect(database) as opened:
        yield opened


def _collect(connection: Connection, server: BinanceServer, **settings: Any) -> CollectReport:
    arguments: dict[str, Any] = {
        "market": "perp",
        "source": "auto",
        "start_ms": JUNE_20,
        "now_ms": NOW_MS,
        "base_url": server.url,
        "archive_url": server.url,
        "patience": PATIENCE,
    }
    return collect_klines(connection, KEY, **(arguments | settings))


def _assert_stored(connection: Connection, expected: Klines) -> None:
    assert_same_bars(read_klines(connection, KEY, start_ms=0, end_ms=2**42), expected)


@pytest.mark.parametrize("is_microseconds", [False, True])
def test_archive_and_rest_together_equal_one_import(
    connection: Connection, server: BinanceServer, tmp_path: Path, is_microseconds: bool
) -> None:
    """History from files and the tail from REST are, to the bit, what one import of one file gives."""
    server.is_microseconds = is_microseconds
    report = _collect(connection, server)
    path = tmp_path / "SOLUSDT-15m.csv.gz"
    path.write_bytes(csv_gz(KLINES))
    imported = read_kline_file(path, symbol=None, interval=None, venue="binance-perp", now_ms=NOW_MS)
    assert imported.key == KEY
    _assert_stored(connection, imported.klines)
    assert write_klines(connection, KEY, imported.klines) == 0
    num_tail = (int(CLOSED.available_at[-1]) - MIDNIGHT) // STEP_MS
    assert (report.num_from_archive, report.num_from_rest) == (len(CLOSED) - num_tail, num_tail)
    assert (report.first_open_ms, report.last_open_ms) == (JUNE_20, int(CLOSED.open_time[-1]))
    assert report.gaps == ()


@pytest.mark.parametrize("source", ["archive", "rest"])
def test_one_source_asks_that_source_alone(connection: Connection, server: BinanceServer, source: str) -> None:
    """The archive alone ends with yesterday, REST alone with the last closed bar."""
    _collect(connection, server, source=source)
    _assert_stored(connection, CLOSED if source == "rest" else CLOSED.between(JUNE_20, MIDNIGHT))
    assert server.asked("/fapi/" if source == "archive" else ".zip") == []


def test_a_second_run_takes_only_what_is_new(connection: Connection, server: BinanceServer) -> None:
    """With nothing new nothing is added, and the clock is all that is asked for; later the new bars are."""
    server.now_ms = early_ms = NOW_MS - 5 * STEP_MS
    _collect(connection, server, now_ms=early_ms)
    server.requests.clear()
    report = _collect(connection, server, now_ms=early_ms)
    assert (report.num_from_archive, report.num_from_rest) == (0, 0)
    assert server.requests == ["/fapi/v1/time"]
    server.now_ms = NOW_MS
    assert _collect(connection, server).num_from_rest == 5
    _assert_stored(connection, CLOSED)


def test_an_open_bar_is_never_stored(connection: Connection, server: BinanceServer) -> None:
    """The server's clock decides, though this machine's runs an hour ahead or behind."""
    for error_ms in (4 * STEP_MS, -4 * STEP_MS):
        _collect(connection, server, now_ms=NOW_MS + error_ms)
        _assert_stored(connection, CLOSED)


def test_gaps_are_refilled(connection: Connection, server: BinanceServer) -> None:
    """Holes in what is stored, short and long, and before the first bar asked for, are filled."""
    held = without_bars(without_bars(CLOSED, 1000, 3000), 100, 103)
    write_klines(connection, KEY, held)
    report = _collect(connection, server, start_ms=JUNE_20 + 5 * DAY_MS)
    _assert_stored(connection, CLOSED)
    assert (report.num_from_archive, report.num_from_rest) == (2000, 3)


def test_a_gap_of_binance_stays_and_is_reported(connection: Connection, server: BinanceServer) -> None:
    """What Binance lacks is asked for once a run, in no loop, and named; bars that appear later are taken."""
    server.markets["perp", "SOLUSDT", "15m"] = without_bars(KLINES, 500, 510)
    report = _collect(connection, server)
    start_ms = JUNE_20 + 500 * STEP_MS
    assert report.gaps == (Gap(start_ms=start_ms, end_ms=start_ms + 10 * STEP_MS, num_bars=10),)
    server.requests.clear()
    assert _collect(connection, server).gaps == report.gaps
    assert len(server.asked("klines")) == 1
    server.markets["perp", "SOLUSDT", "15m"] = KLINES
    assert _collect(connection, server).gaps == ()
    _assert_stored(connection, CLOSED)


def test_a_late_listing_is_no_gap(connection: Connection, server: BinanceServer) -> None:
    """More history than exists gives what exists, and asks for the years before by month."""
    report = _collect(connection, server, start_ms=JUNE_20 - 365 * DAY_MS)
    assert report.gaps == ()
    _assert_stored(connection, CLOSED)
    assert len(server.asked(".zip")) < 120


def test_progress_grows_to_the_whole(connection: Connection, server: BinanceServer) -> None:
    """Progress starts at what is stored, never falls, and ends at all bars wanted."""
    write_klines(connection, KEY, CLOSED.select(slice(7)))
    seen: list[tuple[int, int]] = []
    _collect(connection, server, on_progress=lambda done, total: seen.append((done, total)))
    done = [pair[0] for pair in seen]
    assert done == sorted(done)
    assert seen[0] == (7, len(CLOSED))
    assert seen[-1] == (len(CLOSED), len(CLOSED))


def _collect_for_ever(database: str, url: str) -> None:
    """What the killed process does: collect through REST, whose pages come slowly."""
    with connect(database) as connection:
        collect_klines(
            connection,
            KEY,
            market="perp",
            source="rest",
            start_ms=JUNE_20,
            now_ms=NOW_MS,
            base_url=url,
            on_progress=lambda done, total: time.sleep(60 if done else 0),
        )


def test_a_killed_run_is_resumed(connection: Connection, server: BinanceServer, database: str) -> None:
    """After SIGKILL between two pages the first page is there, and the next run asks for the rest alone."""
    process = multiprocessing.get_context("spawn").Process(target=_collect_for_ever, args=(database, server.url))
    process.start()
    deadline = time.monotonic() + 30
    while stored_span(connection, KEY) is None and time.monotonic() < deadline and process.is_alive():
        time.sleep(0.02)
    process.kill()
    process.join()
    process.close()
    _assert_stored(connection, CLOSED.select(slice(1500)))
    server.requests.clear()
    report = _collect(connection, server, source="rest")
    _assert_stored(connection, CLOSED)
    assert report.num_from_rest == len(CLOSED) - 1500
    assert f"startTime={int(CLOSED.open_time[1500])}" in server.asked("klines")[0]


def test_a_failure_in_the_middle_keeps_what_came(connection: Connection, server: BinanceServer) -> None:
    """When Binance stays away after two pages those are stored, and the next run completes the series."""

    def break_after(done: int, total: int) -> None:
        if done >= 3000:
            server.fail("klines", status=503, times=6)

    with pytest.raises(ExchangeUnavailable):
        _collect(connection, server, source="rest", on_progress=break_after)
    _assert_stored(connection, CLOSED.select(slice(3000)))
    server.faults.clear()
    assert _collect(connection, server, source="rest").num_from_rest == len(CLOSED) - 3000
    _assert_stored(connection, CLOSED)


def test_rest_stands_in_for_an_archive_that_fails(connection: Connection, server: BinanceServer) -> None:
    """With ``auto`` an archive that is away or refuses costs nothing but time; asked for alone it is an error."""
    server.fail(".zip", status=503, times=10**6)
    assert _collect(connection, server).num_from_rest == len(CLOSED)
    _assert_stored(connection, CLOSED)
    with pytest.raises(ExchangeUnavailable):
        _collect(connection, server, source="archive", start_ms=JUNE_20 - 90 * DAY_MS)


def test_a_refused_location_keeps_the_archives_bars(connection: Connection, server: BinanceServer) -> None:
    """REST's 451 ends the run with 66 and the two ways out, after the archive's bars were stored."""
    server.fail("/fapi/", status=451, times=99)
    with pytest.raises(NoDataError, match=r"--base-url.*--source archive"):
        _collect(connection, server)
    _assert_stored(connection, CLOSED.between(JUNE_20, MIDNIGHT))
    report = _collect(connection, server, source="archive")
    assert report.last_open_ms == MIDNIGHT - STEP_MS


def test_bars_that_changed_since_are_never_asked_for(connection: Connection, server: BinanceServer) -> None:
    """A stored bar is a fact: Binance's own later correction of it is not mixed in."""
    server.now_ms = NOW_MS - 50 * STEP_MS
    _collect(connection, server, source="rest")
    server.now_ms = NOW_MS
    server.markets["perp", "SOLUSDT", "15m"] = random_klines(len(KLINES), "15m", seed=1, start_ms=JUNE_20)
    _collect(connection, server, source="rest")
    stored = read_klines(connection, KEY, start_ms=0, end_ms=2**42)
    np.testing.assert_array_equal(stored.close[:-50], CLOSED.close[:-50])
    assert stored.close[-1] != CLOSED.close[-1]


def test_a_market_that_is_not_there_is_named(connection: Connection, server: BinanceServer) -> None:
    """No bars at all end 66 with the market; a start that lies ahead is a usage error."""
    with pytest.raises(NoDataError, match="SOLUSDT"):
        _collect(connection, server, market="spot")
    with pytest.raises(NoDataError, match=r"no bars of SOLUSDT 15m \(binance-perp\) since 2025-06-20 00:00 UTC"):
        _collect(connection, server, market="spot", source="archive")
    with pytest.raises(UsageError, match="No bar has closed"):
        _collect(connection, server, start_ms=NOW_MS)


def test_a_bad_file_leaves_the_earlier_ones(connection: Connection, server: BinanceServer) -> None:
    """A file that breaks a rule is refused whole: June stays, nothing of July is stored."""
    server.edit_archive_text = lambda text: text.replace("1751932800000", "1751932800001")  # 8 July
    with pytest.raises(DataError, match=r"SOLUSDT-15m-2025-07-08.zip, line 2"):
        _collect(connection, server, source="archive")
    _assert_stored(connection, CLOSED.between(JUNE_20, 1_751_932_800_000))
