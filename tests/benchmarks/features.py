"""Building the default feature set of real 5m bars of SOLUSDT with BTC and ETH as context, database excluded.

Reads ``../shared/data`` and ends with a sentence where that is absent. Bar: 4 seconds on one core.
"""

import sys
import time
from pathlib import Path

import numpy as np

from job.data.klines import Klines
from job.features.build import build_features
from job.features.registry import feature_set

FOLDER = Path("../shared/data")
NUM_ROUNDS = 3
COLUMNS = ("open", "high", "low", "close", "volume")


def measure() -> dict[str, float]:
    """Best of a few rounds in processor and in wall seconds, and the size of the result."""
    if not FOLDER.is_dir():
        sys.exit(f"There are no bars in {FOLDER}.")
    target, context = _load("SOLUSDT"), {symbol: _load(symbol) for symbol in ("BTCUSDT", "ETHUSDT")}
    features = feature_set("core", target.interval, tuple(context))
    processor_seconds, wall_seconds = [], []
    for _ in range(NUM_ROUNDS):
        processor, wall = time.process_time(), time.perf_counter()
        rows = build_features(features, target, context)
        processor_seconds.append(time.process_time() - processor)
        wall_seconds.append(time.perf_counter() - wall)
    return {
        "processor_seconds": min(processor_seconds),
        "wall_seconds": min(wall_seconds),
        "num_bars": len(target),
        "num_rows": len(rows),
        "num_features": len(rows.names),
    }


def _load(symbol: str) -> Klines:
    table = np.loadtxt(FOLDER / f"{symbol}-5m.csv.gz", delimiter=",", skiprows=1)
    columns = {name: table[:, number] for number, name in enumerate(COLUMNS, start=1)}
    return Klines(interval="5m", open_time=table[:, 0].astype(np.int64), **columns)
