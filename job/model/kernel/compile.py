"""Compiles the loops, with numba, to an object file that needs neither numba nor Python: functions of the C kind.

It runs in a process of its own, whose numba it tells what kind of CPU to compile for. The object's functions have the
names of `entries.ENTRIES`, and numba's own way of calling: `machine_code` knows it.
"""

import sys
from typing import Any, cast

import llvmlite.binding as llvm
import numba

from job.model.kernel.entries import ENTRIES
from job.model.kernel.machine_code import target_machine


def compile_loops(cpu: str) -> bytes:
    """An object file for LLVM's ``cpu`` and all that can do as much."""
    settings: Any = numba.config
    settings.CPU_NAME, settings.CPU_FEATURES = cpu, ""
    from job.model.kernel.gradient_loops import gradient_columns
    from job.model.kernel.nearest_loops import nearest_rows
    from job.model.kernel.vote_loops import vote_rows

    machine, linked = target_machine(cpu), llvm.parse_assembly("")
    for loop in (vote_rows, nearest_rows, gradient_columns):
        linked.link_in(_bare(loop))
    _remove_unused(linked, machine)
    _rename_private(linked)
    return cast(bytes, machine.emit_object(linked))


def _bare(loop: Any) -> llvm.ModuleRef:
    """The one compiled form of a loop by its plain name, without the wrappers that let Python call it."""
    ((signature, code),) = loop.inspect_llvm().items()
    module = llvm.parse_assembly(code)
    native_name = loop.overloads[signature].fndesc.mangled_name
    for function in module.functions:
        if function.name == native_name:
            function.name = loop.py_func.__name__
        elif not function.is_declaration:
            function.linkage = "internal"
    return module


def _remove_unused(module: llvm.ModuleRef, machine: llvm.TargetMachine) -> None:
    passes = llvm.create_new_module_pass_manager()
    passes.add_global_dead_code_eliminate_pass()
    passes.run(module, llvm.create_pass_builder(machine, llvm.create_pipeline_tuning_options()))
    missing = [f.name for f in module.functions if f.is_declaration and f.name.startswith(("Py", "numba", "NRT"))]
    assert not missing, f"the loops cannot do without {', '.join(missing)}"
    assert {f.name for f in module.functions} >= set(ENTRIES)


def _rename_private(module: llvm.ModuleRef) -> None:
    """Numba's names hold addresses of its process: with plain ones, equal sources give an equal file."""
    for symbols in (module.functions, module.global_variables):
        for number, symbol in enumerate(symbols):
            if not symbol.is_declaration and symbol.name not in ENTRIES:
                symbol.linkage = "internal"
                symbol.name = f"private_{number}"


if __name__ == "__main__":
    sys.stdout.buffer.write(compile_loops(sys.argv[1]))
