"""How the loops of the CPU backend are compiled by numba, and the sizes they work in.

Importing this imports numba, most of a second: only what runs a loop does so. Compiled loops are kept on disk, and
numba looks for changes only in the file of the function that it keeps: what an entry calls stands in the entry's file.
"""

from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import TypeAlias, TypeVar, cast

import numba
import numpy as np
from numpy.typing import NDArray

f32: TypeAlias = np.float32
i32: TypeAlias = np.int32
Int32Array: TypeAlias = NDArray[np.int32]
Loop = TypeVar("Loop", bound=Callable[..., object])

TILE = 1024  # bank rows in work at once: four features of them and their products fit a core's first cache
QUERIES = 16  # queries that use a tile before the next one is fetched


def _compile(function: Loop, *, keep: bool) -> Loop:
    # Lanes may reorder sums, products may fuse with sums; not-a-number and infinity keep their meaning.
    fast = {"contract", "reassoc", "nsz", "arcp"}
    compiled = numba.njit(fastmath=fast, error_model="numpy", nogil=True)
    dispatcher = compiled(function)
    if keep:
        with suppress(RuntimeError):  # nowhere to write to: compiled again in every process, some nine seconds each
            dispatcher.enable_caching()
    return cast(Loop, dispatcher)


part = partial(_compile, keep=False)
entry = partial(_compile, keep=True)
