"""The demo: the whole main job on data that need no setting up; exactly the code path of the real job."""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Literal

import structlog

from job import interruption
from job.data.kline_files import read_kline_file
from job.data.kline_table import write_klines
from job.data.klines import MarketKey
from job.data.postgres import connect
from job.data.schema import migrate
from job.data.synthetic import SYNTHETIC_CONTEXT, SYNTHETIC_SYMBOL, synthetic_markets
from job.database import open_database
from job.errors import UsageError
from job.execution.walkforward import FinishedRun, run_walkforward
from job.feature_store import update_features
from job.intervals import DAY_MS
from job.run.attempt import now_ms
from job.settings.commands import DemoCommand, WalkforwardCommand
from job.settings.operation import DatabaseSettings, RunSettings
from job.settings.procedure import SYNTHETIC_VENUE, FeatureSettings, MarketSettings

World = Literal["edge", "noise"]

WORLD_INTERVAL = "15m"
WORLD_SEED = 3  # stored bars never change: with anything that changes them, the venues get other names
WORLD_EDGE = 0.22  # of `job.data.synthetic`: large enough for the guide's 147 days of tests to show it
WORLD_END_MS = 20_454 * DAY_MS  # 2026-01-01 00:00 UTC: a fixed date, so that the demo is the same every day
WORLD_DAYS = 184  # the guide's 180, and the three that warm the features up


def run_world(settings: DemoCommand, world: World) -> FinishedRun:
    """Generate one synthetic world, and walk forward through it."""
    with _prepared(database_of_world(settings, world)) as conninfo:
        market = _write_world(conninfo, world)
        return _walk(settings, market, conninfo, run_id=f"demo-{world}", title=f"{world} world")


def prepare_world(settings: DemoCommand, world: World) -> MarketSettings:
    """Put one synthetic world into the database that other commands read; they do the rest."""
    with _prepared(database_of_world(settings, world)) as conninfo:
        return _write_world(conninfo, world)


def run_files(settings: DemoCommand, *, is_symbol_given: bool) -> FinishedRun:
    """Walk forward through kline files: one symbol is traded, the others are its context."""
    files = [
        read_kline_file(path, symbol=None, interval=None, venue=settings.market.venue) for path in settings.demo.klines
    ]
    symbols = [file.key.symbol for file in files]
    intervals = {file.key.interval for file in files}
    if len(intervals) > 1:
        raise UsageError(
            f"The files hold different intervals: {', '.join(sorted(intervals))}.",
            remedy="Name files of one interval: the traded market's and its context's.",
        )
    symbol = settings.market.symbol if is_symbol_given or settings.market.symbol in symbols else symbols[0]
    if symbol not in symbols:
        raise UsageError(f"No file holds {symbol}.", remedy=f"Use --symbol with one of {', '.join(symbols)}.")
    market = settings.market.model_copy(
        update={
            "symbol": symbol,
            "interval": intervals.pop(),
            "context": tuple(dict.fromkeys(s for s in symbols if s != symbol)),
        }
    )
    with _prepared(database_of_files(settings)) as conninfo:
        with connect(conninfo) as connection:
            with connection.transaction():
                for file in files:
                    write_klines(connection, file.key, file.klines)
            structlog.get_logger().info("klines_written", symbols=symbols, interval=market.interval)
            update_features(connection, market, FeatureSettings())
            interruption.check()
        return _walk(settings, market, conninfo, run_id=None, title=symbol)


def database_of_world(settings: DemoCommand, world: World) -> DatabaseSettings:
    """The settings with a database of the embedded server that holds this world and nothing else."""
    return settings.database.model_copy(update={"embedded_database": f"{SYNTHETIC_VENUE}_{WORLD_SEED}_{world}"})


def database_of_files(settings: DemoCommand) -> DatabaseSettings:
    """The settings with a database of the embedded server that holds these files and nothing else."""
    return settings.database.model_copy(update={"embedded_database": f"files_{_content_hash(settings.demo.klines)}"})


def run_live(settings: DemoCommand) -> FinishedRun:
    """Collect fresh klines from Binance, and walk forward through them."""
    from job.collection import collect_funding_of, collect_market
    from job.settings.operation import CollectSettings

    with _prepared(settings.database) as conninfo:
        with connect(conninfo) as connection:
            collect, now = CollectSettings(days=WORLD_DAYS), now_ms()
            collect_market(connection, settings.market, collect, settings.output, now_ms=now)
            collect_funding_of(connection, settings.market, collect, settings.output, now_ms=now)
            update_features(connection, settings.market, FeatureSettings())
            interruption.check()
        return _walk(settings, settings.market, conninfo, run_id=None, title=settings.market.symbol)


@contextmanager
def _prepared(settings: DatabaseSettings) -> Iterator[str]:
    interruption.check()
    with open_database(settings) as conninfo:
        with connect(conninfo) as connection:
            applied = migrate(connection)
        structlog.get_logger().info("schema_migrated", applied=applied)
        yield conninfo


def _write_world(conninfo: str, world: World) -> MarketSettings:
    """Klines and features of a world; what is there already stays as it is."""
    market = MarketSettings(
        symbol=SYNTHETIC_SYMBOL,
        interval=WORLD_INTERVAL,
        context=SYNTHETIC_CONTEXT,
        venue=f"{SYNTHETIC_VENUE}-{world}",  # so that no bar of one world is taken for the other's
        market="perp",
    )
    markets = synthetic_markets(
        world,
        seed=WORLD_SEED,
        interval=WORLD_INTERVAL,
        num_days=WORLD_DAYS,
        last_close_ms=WORLD_END_MS,
        edge=WORLD_EDGE,
    )
    with connect(conninfo) as connection:
        with connection.transaction():
            for symbol, klines in markets.items():
                write_klines(connection, MarketKey(venue=market.venue, symbol=symbol, interval=WORLD_INTERVAL), klines)
        structlog.get_logger().info("klines_written", symbols=list(markets), days=WORLD_DAYS, interval=WORLD_INTERVAL)
        update_features(connection, market, FeatureSettings())
    interruption.check()
    return market


def _walk(
    settings: DemoCommand, market: MarketSettings, conninfo: str, *, run_id: str | None, title: str
) -> FinishedRun:
    command = WalkforwardCommand(
        output=settings.output,
        market=market,
        compute=settings.compute,
        run=RunSettings(save_path=settings.demo.save_path, ledger=settings.demo.ledger, run_id=run_id),
    )
    return run_walkforward(command, conninfo, title=title)


@cache  # so that the name that is told is the one that was used
def _content_hash(paths: tuple[str, ...]) -> str:
    digest = hashlib.sha256()
    for part in sorted(hashlib.sha256(Path(path).read_bytes()).hexdigest() for path in paths):
        digest.update(part.encode())
    return digest.hexdigest()[:12]
