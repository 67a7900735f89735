"""Twelve days of three correlated markets with a planted edge: the smallest data that a walk-forward is one on."""

from pathlib import Path

from job.data.klines import Klines, MarketKey
from job.data.synthetic import SYNTHETIC_CONTEXT, SYNTHETIC_SYMBOL, synthetic_markets
from tests.support.binance_server import csv_gz

INTERVAL = "15m"
NUM_DAYS = 12
NUM_WINDOWS = 3
VENUE = "binance-perp"
SYMBOLS = ("SOLUSDT", "BTCUSDT", "ETHUSDT")
END_MS = 1_764_547_200_000  # 2025-12-01 00:00 UTC

MARKET = ("--interval", INTERVAL)
# Three days warm features up, five are trained on, and one is tested, three times.
WALK = (*MARKET, "--data-days", "8", "--window-size", "5", "--test-size", "1", "--epochs", "2", "--workers", "1")
PLAN = WALK[:-2]


def small_markets(end_ms: int = END_MS, *, interval: str = INTERVAL, num_days: int = NUM_DAYS) -> dict[str, Klines]:
    """Bars by symbol, the last of which closes at ``end_ms``."""
    world = synthetic_markets("edge", seed=1, interval=interval, num_days=num_days, last_close_ms=end_ms, edge=0.6)
    return dict(zip(SYMBOLS, (world[name] for name in (SYNTHETIC_SYMBOL, *SYNTHETIC_CONTEXT)), strict=True))


def write_small_files(folder: Path, markets: dict[str, Klines]) -> list[str]:
    """A file a symbol, named as `lorentzian import` reads it; their paths."""
    paths = []
    for symbol, klines in markets.items():
        path = folder / f"{symbol}-{klines.interval}.csv.gz"
        path.write_bytes(csv_gz(klines))
        paths.append(str(path))
    return paths


def store_small_markets(conninfo: str, markets: dict[str, Klines]) -> None:
    """Klines and feature rows of the markets, in a database that has its tables."""
    from job.data.kline_table import write_klines
    from job.data.postgres import connect
    from job.feature_store import update_features
    from job.settings.procedure import FeatureSettings, MarketSettings

    with connect(conninfo) as connection:
        for symbol, klines in markets.items():
            write_klines(connection, MarketKey(venue=VENUE, symbol=symbol, interval=klines.interval), klines)
        update_features(connection, MarketSettings(interval=INTERVAL), FeatureSettings())
