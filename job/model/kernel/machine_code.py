"""The loops' machine code: read from beside this file, or compiled once and kept there; and how to call it.

It is kept as Python keeps bytecode, but for a kind of CPU rather than for one: a file that was written while an image
was built serves wherever the image runs. Reading it takes llvmlite alone; numba is imported only where there is no
such file, in a process that compiles (some 15 seconds) and ends. Equal code gives equal numbers on every CPU of a kind.
"""

import ctypes
import hashlib
import subprocess
import sys
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from job.model.kernel.entries import ENTRIES

if TYPE_CHECKING:
    import llvmlite.binding as llvm

FOLDER = Path(__file__).parent / "__pycache__"
READABLE = 0o644


@dataclass(frozen=True, kw_only=True)
class CpuKind:
    """CPUs that can run the same code.

    Parameters
    ----------
    name : what LLVM calls the least of them.
    needs : features, in LLVM's names, that a CPU must have.
    """

    name: str
    needs: frozenset[str] = frozenset()


# By architecture, the best kind first.
CPU_KINDS = {
    "x86_64": (
        CpuKind(name="x86-64-v3", needs=frozenset({"avx2", "bmi", "bmi2", "f16c", "fma", "lzcnt", "movbe"})),
        CpuKind(name="x86-64"),
    ),
}
ANY_CPU = (CpuKind(name="generic"),)


class Entry:
    """A compiled loop that is called with arrays, in C order and of the types that `ENTRIES` names, and numbers.

    Notes
    -----
    numba passes an array as owner, parent, count, size of an element, data, shape and strides; before all arguments
    come places for a result and for an exception, and a function returns 0.
    """

    def __init__(self, engine: "llvm.ExecutionEngine", name: str) -> None:
        self._engine = engine  # it holds the code
        self._arguments = ENTRIES[name]
        types: list[type] = [ctypes.c_void_p, ctypes.c_void_p]
        for _, dimensions in self._arguments:
            types += [ctypes.c_int64] if dimensions == 0 else _array_types(dimensions)
        self._function = ctypes.CFUNCTYPE(ctypes.c_int32, *types)(engine.get_function_address(name))

    def __call__(self, *arguments: NDArray[np.generic] | int) -> None:
        """Run it; other threads of Python run meanwhile."""
        flat: list[int | None] = []
        for argument, (element, dimensions) in zip(arguments, self._arguments, strict=True):
            if isinstance(argument, np.ndarray):
                assert argument.dtype == element and argument.ndim == dimensions and argument.flags.c_contiguous
                flat += [None, None, argument.size, argument.itemsize, argument.ctypes.data]
                flat += [*argument.shape, *argument.strides]
            else:
                assert dimensions == 0
                flat.append(argument)
        result, exception = ctypes.c_void_p(), ctypes.c_void_p()
        status = self._function(ctypes.byref(result), ctypes.byref(exception), *flat)
        assert status == 0, f"a compiled loop ended with status {status}"


@cache
def entries() -> dict[str, Entry]:
    """Every loop by its name, ready to be called."""
    import llvmlite.binding as llvm

    kind = kind_of_cpu()
    code = kept_code(kind.name)
    engine = llvm.create_mcjit_compiler(llvm.parse_assembly(""), target_machine(kind.name))
    engine.add_object_file(llvm.ObjectFileRef.from_data(code))
    engine.finalize_object()
    return {name: Entry(engine, name) for name in ENTRIES}


def kept_code(kind: str, folder: Path = FOLDER) -> bytes:
    """The object file for a kind of CPU, compiled and kept if there is none."""
    path = folder / f"loops-{kind}-{_digest()}.o"
    with suppress(OSError):
        return path.read_bytes()
    code = _compile(kind)
    with suppress(OSError):  # nowhere to write to: compiled again in every process
        folder.mkdir(exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=folder, delete=False) as file:
            file.write(code)
        kept = Path(file.name)
        kept.chmod(READABLE)  # who runs an image need not be who built it
        kept.replace(path)
    return code


def kind_of_cpu() -> CpuKind:
    """The best kind that this CPU belongs to."""
    import llvmlite.binding as llvm

    features = llvm.get_host_cpu_features()
    return next(kind for kind in kinds_here() if all(features.get(feature) for feature in kind.needs))


def kinds_here() -> tuple[CpuKind, ...]:
    """Kinds of this architecture, the best first."""
    import llvmlite.binding as llvm

    return CPU_KINDS.get(llvm.get_process_triple().partition("-")[0], ANY_CPU)


def target_machine(cpu: str) -> "llvm.TargetMachine":
    """What LLVM compiles for, and loads, on this machine."""
    import llvmlite.binding as llvm

    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    target = llvm.Target.from_triple(llvm.get_process_triple())
    return target.create_target_machine(cpu=cpu, opt=3, codemodel="jitdefault", jit=True)


def _array_types(dimensions: int) -> list[type]:
    """Types of what an array is passed as."""
    pointer, number = ctypes.c_void_p, ctypes.c_int64
    return [pointer, pointer, number, number, pointer, *[number] * (2 * dimensions)]


def _compile(kind: str) -> bytes:
    """Compile in a new process, which finds modules where this one does."""
    program = f"import sys, runpy; sys.path[:] = {sys.path!r}; sys.argv[1:] = [{kind!r}]; "
    program += "runpy.run_module('job.model.kernel.compile', run_name='__main__')"
    return subprocess.run([sys.executable, "-c", program], check=True, stdout=subprocess.PIPE).stdout


@cache
def _digest() -> str:
    """Of the loops and of the compiler that would compile them."""
    import llvmlite

    digest = hashlib.blake2b(llvmlite.__version__.encode(), digest_size=8)
    here = Path(__file__).parent
    for source in (here / "entries.py", here / "compile.py", *sorted(here.glob("*loops.py"))):
        digest.update(source.read_bytes())
    return digest.hexdigest()
