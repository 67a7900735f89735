"""What a window's process has loaded by its first step of training: a pod starts as fast as its slowest import."""

import json
import os
import subprocess
import sys
from pathlib import Path

from tests.support.small_run import DATA_DAYS, INTERVAL, MARKET, TEST_DAYS, TRAIN_DAYS

# Half a second to several, each; what needs one of them comes after the network.
SLOW = ("lightgbm", "matplotlib", "numba", "pandas", "scipy", "sklearn", "talib", "torch._dynamo")
FIRST_STEP = f"""
import gc, json, os, sys
from job.model.adamw import AdamW
def first_step(*_, **__):
    loaded = [name for name in {SLOW!r} if name in sys.modules]
    collecting = gc.isenabled() and gc.get_freeze_count() > 0
    print(json.dumps(dict(loaded=loaded, collecting=collecting)), flush=True)
    os._exit(0)
AdamW.step = first_step
from job.__main__ import main
main(sys.argv[1:])
"""


def test_nothing_slow_is_loaded_before_the_first_step(small_market: str, tmp_path: Path) -> None:
    """`lorentzian window` reads its plan, rows and bars, solves the line and asks the bank without any of them.

    Garbage is collected again by then, and not looked for in what loading has made.
    """
    market = ("--symbol", MARKET.symbol, "--venue", MARKET.venue, "--interval", INTERVAL)
    context = ("--context", ",".join(MARKET.context))
    days = ("--data-days", str(DATA_DAYS), "--window-size", str(TRAIN_DAYS), "--test-size", str(TEST_DAYS))
    where = ("--save-path", str(tmp_path), "--run-id", "start", "--device", "cpu", "--log-format", "json")
    ended = subprocess.run(
        [sys.executable, "-c", FIRST_STEP, "window", "--index", "0", *market, *context, *days, *where],
        env=os.environ | {"DATABASE_URL": small_market},
        capture_output=True,
        text=True,
        check=True,
    )
    assert json.loads(ended.stdout.splitlines()[-1]) == {"loaded": [], "collecting": True}
