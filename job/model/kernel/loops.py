"""How the loops of the CPU backend are handed to numba. Importing this imports numba: only what compiles does so."""

from collections.abc import Callable
from typing import Any, TypeAlias, TypeVar, cast

import numba
import numpy as np
from numpy.typing import NDArray

from job.model.kernel.entries import ENTRIES, QUERIES, TILE, ArgumentType

__all__ = ["QUERIES", "TILE", "Int32Array", "Loop", "entry", "f32", "i32", "part"]

f32: TypeAlias = np.float32
i32: TypeAlias = np.int32
Int32Array: TypeAlias = NDArray[np.int32]
Loop = TypeVar("Loop", bound=Callable[..., object])

# Lanes may reorder sums, products may fuse with sums; not-a-number and infinity keep their meaning. No code of ours may
# need numba when it runs: nothing is allocated, nothing is raised, nothing is called from Python.
OPTIONS: dict[str, Any] = {"fastmath": {"contract", "reassoc", "nsz", "arcp"}, "error_model": "numpy", "_nrt": False}


def part(function: Loop) -> Loop:
    """A loop that other loops call, compiled for each of them."""
    return cast(Loop, numba.njit(**OPTIONS)(function))


def entry(function: Loop) -> Loop:
    """A loop that Python calls, compiled at once for the arguments that `entries.ENTRIES` names."""
    arguments = ", ".join(_in_numba(of) for of in ENTRIES[function.__name__])
    return cast(Loop, numba.njit(f"void({arguments})", **OPTIONS)(function))


def _in_numba(argument: ArgumentType) -> str:
    element, num_dimensions = argument
    name = "boolean" if element == "bool" else element
    return name if num_dimensions == 0 else f"{name}[{', '.join([':'] * (num_dimensions - 1) + ['::1'])}]"
