"""TA-Lib's functions, loaded when the first of them is asked for, and without pandas.

`import talib` imports pandas, to take its series as well; arrays are all that is given to it here. Who only names
features loads neither, and who makes some starts half a second sooner.
"""

import importlib
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from job.arrays import FloatArray


def __getattr__(name: str) -> Callable[..., FloatArray]:
    if name.startswith("_"):  # which the machinery of imports looks for
        raise AttributeError(name)
    if "talib" not in sys.modules:
        with _without("pandas"):
            importlib.import_module("talib")
    function: Callable[..., FloatArray] = getattr(sys.modules["talib"], name)
    return function


@contextmanager
def _without(package: str) -> Iterator[None]:
    """Let a package that is not loaded yet look as if it were not installed."""
    if package in sys.modules:
        yield
        return
    sys.modules[package] = None  # type: ignore[assignment]
    try:
        yield
    finally:
        del sys.modules[package]
