"""TA-Lib's functions, loaded when the first of them is asked for: `import talib` imports pandas.

Whoever only names features never does: a pod whose rows are stored starts half a second sooner.
"""

from collections.abc import Callable

from job.arrays import FloatArray


def __getattr__(name: str) -> Callable[..., FloatArray]:
    if name.startswith("_"):  # which the machinery of imports looks for
        raise AttributeError(name)
    import talib

    function: Callable[..., FloatArray] = getattr(talib, name)
    return function
