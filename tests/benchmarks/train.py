"""Training: from the start of a window's process to its first step, and what an epoch of each network costs.

Start-up is `lorentzian window` itself, with its features in Postgres: thirty days of 5m bars to train on. A process is
over at its optimizer's first step; it has then read, labelled, solved what is solved, and asked the bank once. Epochs
are of default settings on 8,640 rows of 71 features, one thread. Bar: 3 seconds.
"""

import os
import statistics
import tempfile
import time
from dataclasses import replace

import numpy as np
import torch

from job.data.kline_table import write_klines
from job.data.klines import MarketKey
from job.data.postgres import connect
from job.data.schema import migrate
from job.data.synthetic import SYNTHETIC_CONTEXT, SYNTHETIC_SYMBOL, SYNTHETIC_VENUE, synthetic_markets
from job.feature_store import update_features
from job.model.fit import LorentzianLearner
from job.model.mlp import MlpLearner
from job.settings.procedure import FeatureSettings, MarketSettings, ModelSettings
from tests.benchmarks._timing import fresh_process
from tests.benchmarks.postgres import scratch_database
from tests.support.labelled import random_rows

INTERVAL, END_MS = "5m", 1_764_547_200_000  # 2025-12-01 00:00 UTC
KLINE_DAYS, DATA_DAYS, TRAIN_DAYS = 42, 37, 30
NUM_STARTS, NUM_EPOCHS = 7, 8
NUM_ROWS, NUM_FEATURES = 8_640, 71
# torch is imported a moment before the command would: what the command imports of it is then free.
FIRST_STEP = """
import os, sys, time
import torch
def first_step(*_, **__):
    print(time.time() - float(sys.argv[1]), sum(os.times()[:2]), flush=True)
    os._exit(0)
from job.model.adamw import AdamW
AdamW.step = torch.optim.AdamW.step = first_step
from job.__main__ import main
main(sys.argv[2:])
"""


def measure() -> dict[str, float]:
    """Seconds to the first step, and milliseconds of an epoch."""
    return {**_start_up(), **_epochs()}


def _start_up() -> dict[str, float]:
    """Medians over processes, the first of which does not count: it meets cold files."""
    with scratch_database() as conninfo, tempfile.TemporaryDirectory() as folder:
        _fill(conninfo)
        os.environ["DATABASE_URL"] = conninfo  # as every process of ours is given it
        seconds = [_first_step(f"{folder}/{number}") for number in range(NUM_STARTS + 1)]
        del os.environ["DATABASE_URL"]
    wall, processor = (statistics.median(values) for values in zip(*seconds[1:], strict=True))
    return {"start_up_s": wall, "start_up_processor_s": processor}


def _first_step(folder: str) -> list[float]:
    """Seconds of wall time and of processor time of one process."""
    market = ("--interval", INTERVAL, "--venue", SYNTHETIC_VENUE, "--symbol", SYNTHETIC_SYMBOL)
    context = ("--context", ",".join(SYNTHETIC_CONTEXT))
    days = ("--data-days", str(DATA_DAYS), "--window-size", str(TRAIN_DAYS), "--test-size", "7")
    where = ("--run-id", "benchmark", "--save-path", folder, "--device", "cpu")
    return fresh_process(FIRST_STEP, str(time.time()), "window", "--index", "0", *market, *context, *days, *where)


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


def _epochs() -> dict[str, float]:
    """Median milliseconds between the ends of a network's epochs, early stopping's look at validation included."""
    torch.set_num_threads(1)
    rows = random_rows(NUM_ROWS, num_features=NUM_FEATURES, strength=0.5)
    validation = random_rows(NUM_ROWS // 8, num_features=NUM_FEATURES, strength=0.5, seed=1, first_bar=NUM_ROWS + 10)
    settings, device = ModelSettings(epochs=NUM_EPOCHS), torch.device("cpu")
    figures = {}
    for kind in (LorentzianLearner, MlpLearner):
        ends: list[float] = []
        learner = kind(settings, stream=0, device=device)
        learner.validate(rows, validation, block=0, on_epoch=lambda *_, ends=ends: ends.append(time.perf_counter()))
        figures[f"{learner.name}_epoch_ms"] = 1e3 * float(np.median(np.diff(ends)))
    return figures
