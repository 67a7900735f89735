"""Which device trains: what was asked for, or an error; never a silent fall back."""

import os

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
    """
    if name == "cpu":
        return torch.device("cpu")
    if torch.cuda.is_available():
        return torch.device("cuda")
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


def limit_threads(num_threads: int) -> None:
    """Let this process compute with so many threads; results depend on the number, so the plan records it."""
    from threadpoolctl import threadpool_limits

    torch.set_num_threads(num_threads)
    threadpool_limits(num_threads)
    for name in LATE_LIBRARIES:
        os.environ[name] = str(num_threads)
