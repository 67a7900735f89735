"""The commands that bring data in: klines and funding, from Binance and from files."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import SecretStr

from job.commands import collect, import_files
from job.data.kline_table import stored_span
from job.data.klines import MarketKey
from job.data.outside_series import funding_key
from job.data.postgres import connect
from job.data.series_table import read_series
from job.errors import DataError, ExitCode, JobError, UsageError
from job.intervals import DAY_MS, HOUR_MS
from job.settings.commands import CollectCommand, ImportCommand
from job.settings.operation import CollectSettings, DatabaseSettings, ImportSettings
from job.settings.procedure import MarketsSettings
from job.settings.sources import LoadedSettings
from tests.support.binance_server import BinanceServer, archive_zip, csv_text, funding_text, running_binance
from tests.support.klines import random_klines

KEY = MarketKey(venue="binance-perp", symbol="SOLUSDT", interval="15m")
NOW_MS = 1_753_920_000_000  # 2025-07-31 00:00 UTC
KLINES = random_klines(4 * 96, "15m", start_ms=NOW_MS - 4 * DAY_MS)
SETTLED = [(NOW_MS - 3 * DAY_MS + 8 * HOUR_MS * number, "0.00010000") for number in range(9)]


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[BinanceServer]:
    """Four days of one market, and funding of three; it is midnight."""
    monkeypatch.setattr(collect, "now_ms", lambda: NOW_MS)
    markets = {(market, "SOLUSDT", "15m"): KLINES for market in ("spot", "perp")}
    with running_binance(now_ms=NOW_MS, markets=markets, funding={"SOLUSDT": SETTLED}) as running:
        yield running


def run_collect(
    database: str,
    server: BinanceServer,
    *,
    market: str = "perp",
    symbol: str = "SOLUSDT",
    venue: str = "binance-perp",
    **settings: object,
) -> ExitCode:
    """The command on the stand-in."""
    command = CollectCommand(
        database=DatabaseSettings(database_url=SecretStr(database)),
        market=MarketsSettings(symbol=symbol, interval="15m", context=(), market=market, venue=venue),
        collect=CollectSettings(source="rest", days=4, base_url=server.url, **settings),
    )
    return collect.run(LoadedSettings(settings=command, sources={}))


def run_import(database: str, *files: Path, **settings: str) -> ExitCode:
    """The command on files."""
    command = ImportCommand(
        database=DatabaseSettings(database_url=SecretStr(database)),
        files=ImportSettings(files=tuple(map(str, files)), **settings),
    )
    return import_files.run(LoadedSettings(settings=command, sources={}))


def num_settlements(database: str) -> int:
    """Stored settlements of the market."""
    with connect(database) as connection:
        return len(read_series(connection, funding_key(KEY), start_ms=0, end_ms=2 * NOW_MS))


def test_collect_brings_klines_and_funding(
    database: str, server: BinanceServer, capsys: pytest.CaptureFixture[str]
) -> None:
    """Of a perpetual both, with a sentence each; a second run finds nothing new."""
    assert run_collect(database, server) is ExitCode.DONE
    out = capsys.readouterr().out
    assert "funding:SOLUSDT (binance-perp): 2025-07-28 00:00 to 2025-07-30 16:00 UTC; 9 settlements, 9 of" in out
    assert num_settlements(database) == 9
    with connect(database) as connection:
        stored = stored_span(connection, KEY)
    assert stored is not None and stored.num_bars == len(KLINES)
    run_collect(database, server)
    assert "9 settlements, 0 of them new" in capsys.readouterr().out


def test_collect_goes_through_a_list_and_past_a_bad_symbol(
    database: str, server: BinanceServer, capsys: pytest.CaptureFixture[str]
) -> None:
    """What the exchange does not know is named at the end, in the table and the error; the next one is collected."""
    with pytest.raises(JobError, match=r"^Failed: NONEUSDT\.") as caught:
        run_collect(database, server, symbol="NONEUSDT,SOLUSDT")
    assert caught.value.remedy
    out = capsys.readouterr().out
    assert "1 of 2 markets are done" in out and f"SOLUSDT   {len(KLINES):,} new bars" in out
    with connect(database) as connection:
        stored = stored_span(connection, KEY)
    assert stored is not None and stored.num_bars == len(KLINES)


@pytest.mark.parametrize(("market", "settings"), [("perp", {"funding": False}), ("spot", {"venue": "binance-spot"})])
def test_collect_leaves_funding_alone(
    database: str, server: BinanceServer, market: str, settings: dict[str, object]
) -> None:
    """Where it is not wanted, and on a market that has none."""
    assert run_collect(database, server, market=market, **settings) is ExitCode.DONE
    assert num_settlements(database) == 0
    assert not server.asked("fundingRate")


@pytest.mark.parametrize(
    ("market", "venue"), [("spot", "binance-perp"), ("perp", "binance-spot"), ("perp", "synthetic-edge")]
)
def test_collect_mixes_no_markets(database: str, server: BinanceServer, market: str, venue: str) -> None:
    """Bars are never stored as those of another market, between which nothing later could tell them apart."""
    with pytest.raises(UsageError, match=f"{market} bars cannot be stored under --venue {venue}") as caught:
        run_collect(database, server, market=market, venue=venue)
    assert f"--venue binance-{market}" in caught.value.remedy
    with connect(database) as connection:
        assert stored_span(connection, KEY) is None
    assert run_collect(database, server, market=market, venue="my-own") is ExitCode.DONE


def test_import_takes_klines_and_funding_files(
    database: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Told apart by their names, in one call; again, nothing is new."""
    bars, zipped, plain = (
        tmp_path / name
        for name in ("SOLUSDT-15m.csv", "SOLUSDT-fundingRate-2025-07.zip", "SOLUSDT-fundingRate-2025-08.csv")
    )
    bars.write_text(csv_text(KLINES))
    zipped.write_bytes(archive_zip("SOLUSDT-fundingRate-2025-07.csv", funding_text(SETTLED)))
    plain.write_text(funding_text([(NOW_MS + DAY_MS, "-0.0002")]))
    assert run_import(database, bars, zipped, plain) is ExitCode.DONE
    out = capsys.readouterr().out
    assert f"SOLUSDT 15m (binance-perp): {len(KLINES)} bars, {len(KLINES)} of them new" in out
    assert "funding:SOLUSDT (binance-perp): 9 settlements, 9 of them new, 2025-07-28 00:00" in out
    assert num_settlements(database) == 10
    run_import(database, zipped)
    assert "9 settlements, 0 of them new" in capsys.readouterr().out


def test_import_of_a_bad_funding_file_stores_nothing(database: str, tmp_path: Path) -> None:
    """Neither it nor the good file before it; and a name that says another symbol is refused."""
    good, bad = tmp_path / "SOLUSDT-fundingRate-2025-07.csv", tmp_path / "SOLUSDT-fundingRate-2025-08.csv"
    good.write_text(funding_text(SETTLED))
    bad.write_text("open_time,open\n1,2\n")
    with pytest.raises(DataError, match="2025-08"):
        run_import(database, good, bad)
    with pytest.raises(UsageError, match="BTCUSDT"):
        run_import(database, good, symbol="BTCUSDT")
    with pytest.raises(UsageError, match="cannot be read"):
        run_import(database, tmp_path / "SOLUSDT-fundingRate-2025-09.csv")
    assert num_settlements(database) == 0
