"""One forecast from a cold start, and of each next bar while following: thirty days of 5m bars as the bank.

A cold start is `lorentzian predict` itself, from the process to its end, with a model file and three markets in
Postgres. Following is the way of one bar, from its discovery in the database to the stored signal. Bars: 3 seconds from
a cold start, 20 milliseconds a bar.
"""

import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from job.artifacts.folder import LocalStore
from job.artifacts.keys import ModelKeys
from job.data.kline_table import write_klines
from job.data.klines import MarketKey
from job.data.postgres import connect
from job.data.schema import migrate
from job.data.synthetic import SYNTHETIC_CONTEXT, SYNTHETIC_SYMBOL, synthetic_markets
from job.device import limit_threads
from job.execution.final_model import fit_final_model
from job.execution.opening import address_of, open_run, plan_run
from job.feature_store import update_features
from job.intervals import format_utc, interval_ms
from job.prediction.forecasting import Forecaster
from job.prediction.market_view import newest_bar
from job.prediction.model_source import find_model
from job.settings.commands import PlanCommand
from job.settings.operation import ComputeSettings, RunSettings
from job.settings.procedure import SYNTHETIC_VENUE, FeatureSettings, MarketSettings, ModelSettings, WindowSettings
from tests.benchmarks.postgres import scratch_database

INTERVAL, END_MS = "5m", 1_764_547_200_000  # 2025-12-01 00:00 UTC
BAR_MS = interval_ms(INTERVAL)
KLINE_DAYS, DATA_DAYS, TRAIN_DAYS, TEST_DAYS = 42, 37, 30, 7
NUM_STARTS, NUM_BARS = 5, 200
NEWEST_MS = END_MS - NUM_BARS * BAR_MS


def measure() -> dict[str, float]:
    """Seconds of a cold start, and milliseconds of a followed bar."""
    limit_threads(1)
    with scratch_database() as conninfo, tempfile.TemporaryDirectory() as folder:
        _fill(conninfo)
        path = _train(conninfo, Path(folder))
        return {**_cold(conninfo, path), **_followed(conninfo, path)}


def _cold(conninfo: str, path: Path) -> dict[str, float]:
    """Medians over processes, the first of which does not count: it meets cold files."""
    found = [_start(conninfo, path, number) for number in range(NUM_STARTS + 1)][1:]
    wall, processor = (statistics.median(values) for values in zip(*found, strict=True))
    return {"cold_start_s": wall, "cold_start_processor_s": processor}


def _start(conninfo: str, path: Path, number: int) -> tuple[float, float]:
    at = format_utc(NEWEST_MS + number * BAR_MS).replace(" ", "T")
    command = [
        sys.executable,
        "-m",
        "job",
        "predict",
        "--model",
        str(path),
        "--at",
        at,
        "--save-path",
        str(path.parent),
    ]
    before, start = os.times(), time.perf_counter()
    subprocess.run(command, check=True, env=os.environ | {"DATABASE_URL": conninfo}, capture_output=True)
    wall, after = time.perf_counter() - start, os.times()
    spent = after.children_user + after.children_system - before.children_user - before.children_system
    return wall, spent


def _followed(conninfo: str, path: Path) -> dict[str, float]:
    """Wall time of the bars after those, one after the other, in one process."""
    market = ModelKeys(venue=SYNTHETIC_VENUE, symbol=SYNTHETIC_SYMBOL, interval=INTERVAL)
    found = find_model(str(path), LocalStore(path.parent), market)
    forecaster = Forecaster.of(found, num_neighbours=8)
    wall, processor = [], []
    with connect(conninfo) as connection:
        for closed_ms in range(NEWEST_MS + (NUM_STARTS + 2) * BAR_MS, END_MS, BAR_MS):
            started, spent = time.perf_counter(), time.process_time()
            open_ms = newest_bar(connection, found.model.procedure, before_ms=closed_ms)
            forecaster.line(forecaster.forecast(connection, open_ms), now_ms=closed_ms)
            wall.append(1e3 * (time.perf_counter() - started))
            processor.append(1e3 * (time.process_time() - spent))
    ordered = sorted(wall)
    return {
        "followed_bar_ms": statistics.median(wall),
        "followed_bar_ms_95": ordered[int(0.95 * len(ordered))],
        "followed_bar_processor_ms": statistics.median(processor),
    }


def _train(conninfo: str, folder: Path) -> Path:
    """The file of a final model, trained as a run trains it."""
    settings = PlanCommand(
        market=_market(),
        windows=WindowSettings(data_days=DATA_DAYS, window_size=TRAIN_DAYS, test_size=TEST_DAYS),
        model=ModelSettings(epochs=4),
        compute=ComputeSettings(device="cpu"),
        run=RunSettings(save_path=str(folder), run_id="benchmark"),
    )
    run = open_run(address_of(settings, plan_run(settings, conninfo), conninfo))
    path = folder / "model.pt"
    path.write_bytes(fit_final_model(run).data)
    return path


def _fill(conninfo: str) -> None:
    """Three markets' klines, and the feature rows of the first."""
    markets = synthetic_markets("edge", seed=0, interval=INTERVAL, num_days=KLINE_DAYS, last_close_ms=END_MS)
    with connect(conninfo) as connection:
        migrate(connection)
        for symbol, klines in markets.items():
            write_klines(connection, MarketKey(venue=SYNTHETIC_VENUE, symbol=symbol, interval=INTERVAL), klines)
        update_features(connection, _market(), FeatureSettings())


def _market() -> MarketSettings:
    return MarketSettings(symbol=SYNTHETIC_SYMBOL, interval=INTERVAL, context=SYNTHETIC_CONTEXT, venue=SYNTHETIC_VENUE)
