"""The fused kernel against the same formula by other means, in one run: training steps, and exact nearest rows.

A step is the vote and its gradients for scales and temperature; a full one has those of queries and bank too. Peers:
eager torch, `torch.compile` of the same lines (left out, in words, where there is no C++ compiler), and the distance of
`job.model.distance` with the vote on top. Nearest rows: a loop of torch over queries, and scikit-learn's ball tree with
a compiled metric; each figure is the lower of 5 and 30 features. Two threads for all but scikit-learn, which has one.
Rounds are interleaved and the best counts: a busy machine can only add. Bars: 1.5 and 4 times compiled, 20 times eager;
30 times the loop, 120 times scikit-learn; 0.3 seconds from the loops' cache to the first step.
"""

import shutil
import subprocess
import sys
import time
from collections.abc import Callable

import numba
import numpy as np
import torch
from sklearn.neighbors import NearestNeighbors
from torch import Tensor

from job.model.distance import lorentzian_distance
from job.model.kernel import lorentzian_vote, nearest
from job.model.lorentzian import vote_weights

SHAPES = ((64, 256, 71), (256, 1440, 71), (256, 4320, 30))
JUDGED = SHAPES[-1]
NUM_THREADS, NUM_ROUNDS = 2, 9
BANK_ROWS, NUM_NEAREST = 8_640, 8
# Queries a round of each peer, so that a round of none takes long.
KNN_QUERIES = {"ours": 4_096, "loop": 256, "sklearn": 32}
# In a fresh interpreter with torch at hand, as the job has it: numba, the kept loops, and a first step.
COLD_START = """
import time, torch
from job.model.kernel import lorentzian_vote
q, b, s, t = torch.randn(64, 30), torch.randn(256, 30), torch.ones(30, requires_grad=True), torch.tensor(0.1)
start = time.perf_counter()
import numba
imported = time.perf_counter()
lorentzian_vote(q, b, torch.ones(256), scales=s, temperature=t).share.sum().backward()
print(imported - start, time.perf_counter() - imported)
"""
Inputs = tuple[Tensor, Tensor, Tensor, Tensor, Tensor]


def measure() -> dict[str, float]:
    """Ratios to the peers, and milliseconds and queries a second of everybody."""
    torch.set_num_threads(NUM_THREADS)
    steps: dict[str, dict[str, float]] = {}
    for shape in SHAPES:
        steps["x".join(map(str, shape))] = _time(_step_peers(shape))
    judged = steps["x".join(map(str, JUDGED))]
    speeds = [_knn_speeds(num_features) for num_features in (5, 30)]
    import_s, cold_s = _cold_start()
    ratios = {f"fit_vs_{peer}_ratio": judged[peer] / judged["ours"] for peer in ("eager", "present")}
    if "compiled" in judged:
        ratios["fit_vs_compiled_ratio"] = judged["compiled"] / judged["ours"]
        ratios["fit_full_vs_compiled_ratio"] = judged["compiled_full"] / judged["ours_full"]
    for peer in ("loop", "sklearn"):
        ratios[f"knn_vs_{peer}_ratio"] = min(speed["ours"] / speed[peer] for speed in speeds)
    return {
        **ratios,
        "cold_start_s": cold_s,
        "numba_import_s": import_s,
        **{f"{shape}_{peer}_ms": 1e3 * s for shape, peers in steps.items() for peer, s in peers.items()},
        **{
            f"knn_{num_features}_{peer}_queries_per_second": value
            for num_features, speed in zip((5, 30), speeds, strict=True)
            for peer, value in speed.items()
        },
    }


def _step_peers(shape: tuple[int, int, int]) -> dict[str, Callable[[], None]]:
    """A training step by each peer, by name; all have run once."""
    peers: dict[str, Callable[[], None]] = {
        "ours": lambda: _step(_ours, shape, is_full=False),
        "ours_one_thread": lambda: _step(_ours_alone, shape, is_full=False),
        "ours_full": lambda: _step(_ours, shape, is_full=True),
        "present": lambda: _step(_present, shape, is_full=False),
    }
    if shape == JUDGED:
        peers["eager"] = lambda: _step(_formula, shape, is_full=False)
        if shutil.which("c++") or shutil.which("g++") or shutil.which("clang++"):
            scales_only, full = torch.compile(_formula, dynamic=False), torch.compile(_formula, dynamic=False)
            peers["compiled"] = lambda: _step(scales_only, shape, is_full=False)
            peers["compiled_full"] = lambda: _step(full, shape, is_full=True)
        else:
            print("torch.compile is left out: there is no C++ compiler.", file=sys.stderr)
    for peer in peers.values():
        peer()
    return peers


def _inputs(shape: tuple[int, int, int], *, is_full: bool) -> Inputs:
    num_queries, num_bank, num_features = shape
    generator = torch.Generator().manual_seed(0)
    queries, bank = (torch.randn(n, num_features, generator=generator) for n in (num_queries, num_bank))
    up = (torch.rand(num_bank, generator=generator) < 0.5).float()
    scales, temperature = torch.ones(num_features, requires_grad=True), torch.tensor(0.05, requires_grad=True)
    return queries.requires_grad_(is_full), bank.requires_grad_(is_full), up, scales, temperature


def _step(vote: Callable[..., Tensor], shape: tuple[int, int, int], *, is_full: bool) -> None:
    vote(*_inputs(shape, is_full=is_full)).square().sum().backward()


def _formula(queries: Tensor, bank: Tensor, up: Tensor, scales: Tensor, temperature: Tensor) -> Tensor:
    distance = torch.log1p((queries[:, None] - bank[None]).abs() * scales).mean(dim=2)
    return torch.softmax(-distance / temperature, dim=1) @ up


def _present(queries: Tensor, bank: Tensor, up: Tensor, scales: Tensor, temperature: Tensor) -> Tensor:
    return vote_weights(lorentzian_distance(queries, bank, scales), temperature, None) @ up


def _ours(queries: Tensor, bank: Tensor, up: Tensor, scales: Tensor, temperature: Tensor) -> Tensor:
    return lorentzian_vote(queries, bank, up, scales=scales, temperature=temperature, num_threads=NUM_THREADS).share


def _ours_alone(queries: Tensor, bank: Tensor, up: Tensor, scales: Tensor, temperature: Tensor) -> Tensor:
    return lorentzian_vote(queries, bank, up, scales=scales, temperature=temperature).share


@numba.njit(fastmath=True)
def _metric(x: np.ndarray, y: np.ndarray) -> float:
    total = 0.0
    for f in range(len(x)):
        total += np.log1p(abs(x[f] - y[f]))
    return total


def _knn_speeds(num_features: int) -> dict[str, float]:
    """Queries a second of each peer."""
    generator = torch.Generator().manual_seed(1)
    bank = torch.randn(BANK_ROWS, num_features, generator=generator)
    queries = torch.randn(max(KNN_QUERIES.values()), num_features, generator=generator)
    scales = torch.ones(num_features)
    tree = NearestNeighbors(n_neighbors=NUM_NEAREST, algorithm="ball_tree", metric=_metric, n_jobs=1).fit(bank.numpy())

    def loop() -> None:
        for query in queries[: KNN_QUERIES["loop"]]:
            torch.log1p((bank - query).abs()).sum(1).topk(NUM_NEAREST, largest=False)

    seconds = _time(
        {
            "ours": lambda: nearest(queries, bank, scales, NUM_NEAREST, num_threads=NUM_THREADS),
            "loop": loop,
            "sklearn": lambda: tree.kneighbors(queries[: KNN_QUERIES["sklearn"]].numpy()),
        }
    )
    return {name: KNN_QUERIES[name] / value for name, value in seconds.items()}


def _cold_start() -> tuple[float, float]:
    """Seconds of importing numba, and from there to the first step, whose loops an earlier process compiled."""
    command = [sys.executable, "-c", COLD_START]
    runs = [subprocess.run(command, check=True, capture_output=True, text=True).stdout.split() for _ in range(4)]
    return min(float(run[0]) for run in runs), min(float(run[1]) for run in runs)


def _time(operations: dict[str, Callable[[], object]]) -> dict[str, float]:
    seconds: dict[str, list[float]] = {name: [] for name in operations}
    for _ in range(NUM_ROUNDS):
        for name, operation in operations.items():
            start = time.perf_counter()
            operation()
            seconds[name].append(time.perf_counter() - start)
    return {name: min(values) for name, values in seconds.items()}
