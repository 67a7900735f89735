"""From the start of a window's process to its first step of training, on the CPU.

`lorentzian window` itself, with its features in Postgres: thirty days of 5m bars to train on. A process is over at its
optimizer's first step; it has then read, labelled, solved what is solved, and asked the bank once. Beside it, in the
same rounds, a process that imports torch and nothing else, which is the part that nobody here can shorten. Bar: 3 s.
"""

import os
import statistics
import tempfile
import time
from dataclasses import replace

from job.data.kline_table import write_klines
from job.data.klines import MarketKey
from job.data.postgres import connect
from job.data.schema import migrate
from job.data.synthetic import SYNTHETIC_CONTEXT, SYNTHETIC_SYMBOL, synthetic_markets
from job.feature_store import update_features
from job.settings.procedure import SYNTHETIC_VENUE, FeatureSettings, MarketSettings
from tests.benchmarks._timing import fresh_process
from tests.benchmarks.postgres import scratch_database

INTERVAL, END_MS = "5m", 1_764_547_200_000  # 2025-12-01 00:00 UTC
KLINE_DAYS, DATA_DAYS, TRAIN_DAYS = 42, 37, 30
NUM_STARTS = 7
# Modules are loaded when and as the command loads them; only then is its optimizer given the other step.
FIRST_STEP = """
import os, sys, time
import job.__main__ as entry
def first_step(*_, **__):
    print(time.time() - float(sys.argv[1]), sum(os.times()[:2]), flush=True)
    os._exit(0)
def load_command(name, load=entry.import_module):
    command = load(name)
    from job.model.adamw import AdamW
    AdamW.step = first_step
    return command
entry.import_module = load_command
entry.main(sys.argv[2:])
"""
TORCH_ALONE = """
import os, sys, time
import torch
print(time.time() - float(sys.argv[1]), sum(os.times()[:2]), flush=True)
os._exit(0)
"""


def measure() -> dict[str, float]:
    """Medians of seconds of wall and of processor time over processes; the first does not count: its files are cold."""
    with scratch_database() as conninfo, tempfile.TemporaryDirectory() as folder:
        _fill(conninfo)
        os.environ["DATABASE_URL"] = conninfo  # as every process of ours is given it
        rounds = [(_start(f"{folder}/{number}"), _torch_alone()) for number in range(NUM_STARTS + 1)][1:]
        del os.environ["DATABASE_URL"]
    ours, torch = zip(*rounds, strict=True)
    return {
        "start_up_s": statistics.median(wall for wall, _ in ours),
        "start_up_processor_s": statistics.median(processor for _, processor in ours),
        "torch_alone_s": statistics.median(wall for wall, _ in torch),
        "torch_alone_processor_s": statistics.median(processor for _, processor in torch),
    }


def _start(folder: str) -> list[float]:
    """Seconds of wall time and of processor time until the first step."""
    market = ("--interval", INTERVAL, "--venue", SYNTHETIC_VENUE, "--symbol", SYNTHETIC_SYMBOL)
    context = ("--context", ",".join(SYNTHETIC_CONTEXT))
    days = ("--data-days", str(DATA_DAYS), "--window-size", str(TRAIN_DAYS), "--test-size", "7")
    where = ("--run-id", "benchmark", "--save-path", folder, "--device", "cpu", "--log-format", "json", "--quiet")
    return fresh_process(FIRST_STEP, str(time.time()), "window", "--index", "0", *market, *context, *days, *where)


def _torch_alone() -> list[float]:
    return fresh_process(TORCH_ALONE, str(time.time()))


def _fill(conninfo: str) -> None:
    """Three markets' klines, and the feature rows of the first."""
    markets = synthetic_markets("edge", seed=0, interval=INTERVAL, num_days=KLINE_DAYS, last_close_ms=END_MS)
    key = MarketKey(venue=SYNTHETIC_VENUE, symbol=SYNTHETIC_SYMBOL, interval=INTERVAL)
    settings = MarketSettings(
        symbol=SYNTHETIC_SYMBOL, interval=INTERVAL, context=SYNTHETIC_CONTEXT, venue=SYNTHETIC_VENUE
    )
    with connect(conninfo) as connection:
        migrate(connection)
        for symbol, klines in markets.items():
            write_klines(connection, replace(key, symbol=symbol), klines)
        update_features(connection, settings, FeatureSettings())
