"""Which device trains: what was asked for, or an error; never a silent fall back."""

import os

import structlog
import torch

from job.errors import DeviceError

# Read by numeric libraries when they are loaded, which for some is after the limit was set.
LATE_LIBRARIES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


def choose_device(name: str) -> torch.device:
    """The torch device for ``auto``, ``cpu`` or ``cuda``.

    Raises
    ------
    DeviceError
        Where ``cuda`` was asked for and cannot be used.

    Notes
    -----
    A GPU that is there may still be too old for this build of PyTorch, full, or another's alone: it is tried.
    """
    if name == "cpu":
        return torch.device("cpu")
    if torch.cuda.is_available():
        trouble = _trouble()
        if trouble is None:
            return torch.device("cuda")
        if name == "cuda":
            raise DeviceError(
                f"The GPU does not calculate, and --device cuda asks for it: {trouble}.",
                remedy="Check `nvidia-smi` for its memory and its mode, take a GPU that PyTorch is built for "
                f"({' '.join(torch.cuda.get_arch_list())}), or use --device cpu.",
            )
        structlog.get_logger().warning("gpu_unusable", reason=trouble)
    if name == "cuda":
        build = (
            f"PyTorch {torch.__version__} is built for CUDA {torch.version.cuda}"
            if torch.version.cuda
            else (f"PyTorch {torch.__version__} is built for the CPU alone")
        )
        raise DeviceError(
            f"No usable GPU was found, and --device cuda asks for one; {build}.",
            remedy="Check `nvidia-smi` and the driver (580 or newer for CUDA 13), or use --device cpu.",
        )
    return torch.device("cpu")


def _trouble() -> str | None:
    """Why the GPU cannot add two numbers; None where it can."""
    try:
        torch.ones(2, device="cuda").sum().item()
    except RuntimeError as error:  # of the driver: no kernel for this GPU, no memory, no access
        return str(error).partition("\n")[0]
    return None


def limit_threads(num_threads: int) -> None:
    """Let this process compute with so many threads; results depend on the number, so the plan records it."""
    from threadpoolctl import threadpool_limits

    torch.set_num_threads(num_threads)
    threadpool_limits(num_threads)
    for name in LATE_LIBRARIES:
        os.environ[name] = str(num_threads)
