import subprocess
import sys

import pytest
import torch
from threadpoolctl import threadpool_info, threadpool_limits

from job.device import LATE_LIBRARIES, choose_device, limit_threads
from job.errors import DeviceError, ExitCode

THREADS_OF_SCIPY = """
import scipy.linalg
from threadpoolctl import threadpool_info
print(*(library["num_threads"] for library in threadpool_info()))
"""


def test_cuda_without_a_gpu_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """What was asked for and is not there ends with 69 and says how to go on; the CPU is never taken in silence."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(DeviceError, match="No usable GPU") as caught:
        choose_device("cuda")
    assert caught.value.exit_code is ExitCode.NO_GPU
    assert "--device cpu" in caught.value.remedy


def test_gpu_that_does_not_calculate_is_an_error_or_the_cpu(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the driver says stands in the message; `auto` goes on without it."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr("job.device._trouble", lambda: "no kernel image is available")
    with pytest.raises(DeviceError, match="no kernel image is available") as caught:
        choose_device("cuda")
    assert caught.value.exit_code is ExitCode.NO_GPU
    assert choose_device("auto").type == "cpu"


def test_auto_takes_the_gpu_that_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    """`auto` follows the machine, `cpu` and `cuda` do not."""
    monkeypatch.setattr("job.device._trouble", lambda: None)
    for is_there, auto in ((True, "cuda"), (False, "cpu")):
        monkeypatch.setattr(torch.cuda, "is_available", lambda is_there=is_there: is_there)
        assert choose_device("auto").type == auto
        assert choose_device("cpu").type == "cpu"
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert choose_device("cuda").type == "cuda"


def test_thread_limit_reaches_every_library(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pools that are loaded have one thread, and so has one that is loaded afterwards."""
    for name in LATE_LIBRARIES:
        monkeypatch.setenv(name, "7")  # and so it is afterwards what it was before
    torch.set_num_threads(2)
    threadpool_limits(2)
    limit_threads(1)
    assert torch.get_num_threads() == 1
    assert {library["num_threads"] for library in threadpool_info()} == {1}
    later = subprocess.run([sys.executable, "-c", THREADS_OF_SCIPY], capture_output=True, text=True, check=True)
    assert set(later.stdout.split()) == {"1"}
