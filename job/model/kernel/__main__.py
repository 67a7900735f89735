"""``python -m job.model.kernel [CPU]``: compiles the loops for this architecture and keeps them, for an image.

CPU is one of LLVM's names; without it, the best kind that `machine_code.CPU_KINDS` has for the architecture.
"""

import sys

from job.model.kernel.machine_code import kept_code, kinds_here


def main() -> None:
    """Compile, unless it has been done, and say what is there."""
    kind = sys.argv[1] if len(sys.argv) > 1 else kinds_here()[0].name
    print(f"The loops for {kind} are kept: {len(kept_code(kind)):,} bytes.")


if __name__ == "__main__":
    main()
