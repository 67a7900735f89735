"""How operations are timed beside each other, on a machine that has other things to do."""

import statistics
import subprocess
import sys
import time
from collections.abc import Callable

import torch

NUM_THREADS = 2
NUM_ROUNDS = 9


def use_threads() -> None:
    """As many threads of torch as every figure is for."""
    torch.set_num_threads(NUM_THREADS)


def median_seconds(operations: dict[str, Callable[[], object]], *, num_rounds: int = NUM_ROUNDS) -> dict[str, float]:
    """Median seconds of each operation over interleaved rounds, after one that does not count."""
    seconds: dict[str, list[float]] = {name: [] for name in operations}
    for number in range(num_rounds + 1):
        for name, operation in operations.items():
            start = time.perf_counter()
            operation()
            if number > 0:
                seconds[name].append(time.perf_counter() - start)
    return {name: statistics.median(values) for name, values in seconds.items()}


def fresh_process(program: str, *arguments: str) -> list[float]:
    """The numbers that a program of Python prints in a new interpreter."""
    command = [sys.executable, "-c", program, *arguments]
    return [float(word) for word in subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()]
