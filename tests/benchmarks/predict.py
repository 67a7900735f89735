"""One forecast from a cold start, and of each next bar while following: thirty days of 5m bars as the bank.

A cold start is `lorentzian predict` itself, from the process to its end, with a model file and three markets in
Postgres. Following is the way of one bar, from its discovery in the database to the stored signal. Bars: 3 seconds from
a cold start, 20 milliseconds a bar. After a bar's line is printed, the record of the release is written again: that is
measured apart, of releases of a week and of a month, and has no bar.
"""

import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from job.artifacts.folder import LocalStore
from job.artifacts.keys import ModelKeys
from job.data.kline_table import write_klines
from job.data.klines import MarketKey
from job.data.postgres import Connection, connect
from job.data.schema import migrate
from job.data.signal_table import Signal, SignalKey, write_signal
from job.data.synthetic import SYNTHETIC_CONTEXT, SYNTHETIC_SYMBOL, synthetic_markets
from job.device import limit_threads
from job.execution.final_model import fit_final_model
from job.execution.opening import address_of, open_run, plan_run
from job.feature_store import update_features
from job.intervals import DAY_MS, format_utc, interval_ms
from job.prediction.forecasting import Forecaster
from job.prediction.market_view import newest_bar
from job.prediction.model_source import find_model
from job.prediction.release_watch import ReleaseWatch
from job.prediction.stored_model import read_model
from job.records import CurrentModelRecord
from job.run.plan import read_plan
from job.settings.commands import PlanCommand
from job.settings.operation import ComputeSettings, RunSettings
from job.settings.procedure import SYNTHETIC_VENUE, FeatureSettings, MarketSettings, ModelSettings, WindowSettings
from tests.benchmarks.postgres import scratch_database
from tests.support.runs import example_run
from tests.support.stored_runs import summary_of

INTERVAL, END_MS = "5m", 1_764_547_200_000  # 2025-12-01 00:00 UTC
BAR_MS = interval_ms(INTERVAL)
KLINE_DAYS, DATA_DAYS, TRAIN_DAYS, TEST_DAYS = 42, 37, 30, 7
NUM_STARTS, NUM_BARS = 5, 200
NEWEST_MS = END_MS - NUM_BARS * BAR_MS
RUN_ID = "benchmark"
RELEASE_DAYS, NUM_RECORDS = (7, 30), 50


def measure() -> dict[str, float]:
    """Seconds of a cold start, and milliseconds of a followed bar."""
    limit_threads(1)
    with scratch_database() as conninfo, tempfile.TemporaryDirectory() as folder:
        _fill(conninfo)
        path = _train(conninfo, Path(folder))
        return {**_cold(conninfo, path), **_followed(conninfo, path), **_recorded(conninfo, path)}


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


def _recorded(conninfo: str, path: Path) -> dict[str, float]:
    """Wall time of a bar's record, of releases of some ages, by one watch that has seen the bars before."""
    model, plan = read_model(path.read_bytes(), where=str(path)), read_plan(LocalStore(path.parent), RUN_ID)
    assert plan is not None
    summary, tested = summary_of(example_run()), np.random.default_rng(0).normal(0, 0.01, 120)
    figures = {}
    with connect(conninfo) as connection:
        for num_days in RELEASE_DAYS:
            current = CurrentModelRecord(
                venue=SYNTHETIC_VENUE, symbol=SYNTHETIC_SYMBOL, interval=INTERVAL, run_id=RUN_ID, model_key=path.name,
                model_hash=model.identity, feature_set=model.feature_set, verdict="weak",
                promoted_at_ms=END_MS - num_days * DAY_MS, promoted_by="benchmark", why="",
            )  # fmt: skip
            store = LocalStore(path.parent / f"{num_days}_days")
            watch = ReleaseWatch(store=store, current=current, model=model, plan=plan, summary=summary, tested=tested)
            connection.execute("DELETE FROM signals")
            _speak(connection, model.identity, current.promoted_at_ms, END_MS - (NUM_RECORDS + 1) * BAR_MS)
            watch.record(connection, now_ms=END_MS)
            wall = []
            for open_ms in range(END_MS - NUM_RECORDS * BAR_MS, END_MS, BAR_MS):
                _speak(connection, model.identity, open_ms, open_ms)
                started = time.perf_counter()
                watch.record(connection, now_ms=END_MS)
                wall.append(1e3 * (time.perf_counter() - started))
            figures[f"record_of_{num_days}_days_ms"] = statistics.median(wall)
    return figures


def _speak(connection: Connection, model: str, first_ms: int, last_ms: int) -> None:
    """Store a signal of every bar between, long and flat by turns."""
    key = SignalKey(model=model, venue=SYNTHETIC_VENUE, symbol=SYNTHETIC_SYMBOL)
    with connection.transaction():
        for open_ms in range(first_ms, last_ms + 1, BAR_MS):
            side = open_ms // (30 * BAR_MS) % 2
            reason = None if side else "between_thresholds"
            signal = Signal(
                open_ms=open_ms, available_at_ms=open_ms + BAR_MS, probability=0.5, side=side, size=float(side),
                reason=reason,
            )  # fmt: skip
            write_signal(connection, key, signal)


def _train(conninfo: str, folder: Path) -> Path:
    """The file of a final model, trained as a run trains it."""
    settings = PlanCommand(
        market=_market(),
        windows=WindowSettings(data_days=DATA_DAYS, window_size=TRAIN_DAYS, test_size=TEST_DAYS),
        model=ModelSettings(epochs=4),
        compute=ComputeSettings(device="cpu"),
        run=RunSettings(save_path=str(folder), run_id=RUN_ID),
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
