"""Tests of how TA-Lib is loaded: late, and without what it would bring along."""

import subprocess
import sys

LOADED = """
import sys
from job.features import ta_lib
assert "talib" not in sys.modules
import numpy as np
print(ta_lib.SMA(np.arange(4.0), 2)[-1], ta_lib.EMA is ta_lib.EMA, "pandas" in sys.modules)
import pandas
print(pandas.Series([1.0]).sum())
"""


def test_indicators_are_loaded_without_pandas_which_may_come_later() -> None:
    """In a process of its own: naming the module loads neither, asking for a function one, and no trick is left."""
    ended = subprocess.run([sys.executable, "-c", LOADED], capture_output=True, text=True, check=True)
    assert ended.stdout.split() == ["2.5", "True", "False", "1.0"]
