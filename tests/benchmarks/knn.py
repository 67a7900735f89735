"""Exact nearest rows against other means, in one run: 8 of 8,640 bank rows, at 5 and at 30 features.

Peers: a loop of torch over queries, the same lines compiled by torch for a batch of queries, and scikit-learn's ball
tree with a compiled metric, on one thread; ours and torch's have two. Each ratio is the lower of 5 and 30 features.
Bars: 8 times compiled, 30 times the loop, 120 times scikit-learn.
"""

from collections.abc import Callable

import numba
import numpy as np
import torch
from sklearn.neighbors import NearestNeighbors

from job.model.kernel import nearest
from tests.benchmarks import _formula
from tests.benchmarks._timing import NUM_THREADS, median_seconds, use_threads

BANK_ROWS, NUM_NEAREST = 8_640, 8
FEATURES = (5, 30)
# Queries a round of each peer, so that a round of none takes long.
QUERIES = {"ours": 4_096, "loop": 256, "compiled": 256, "sklearn": 32}


def measure() -> dict[str, float | str | None]:
    """Ratios, and queries a second of everybody."""
    use_threads()
    speeds = {num_features: _speeds(num_features) for num_features in FEATURES}
    figures: dict[str, float | str | None] = {
        f"knn_vs_{peer}_ratio": min(speed["ours"] / speed[peer] for speed in speeds.values())
        if all(peer in speed for speed in speeds.values())
        else None
        for peer in ("sklearn", "loop", "compiled")
    }
    for num_features, speed in speeds.items():
        figures |= {f"{name}_{num_features}_queries_per_second": value for name, value in speed.items()}
    return figures | {f"{peer}_reason": reason for peer, reason in _formula.REASONS.items() if peer in QUERIES}


def ratios() -> dict[str, float | str | None]:
    """The ratios alone."""
    return {name: value for name, value in measure().items() if name.endswith("_ratio")}


@numba.njit(fastmath=True)
def _metric(x: np.ndarray, y: np.ndarray) -> float:
    total = 0.0
    for f in range(len(x)):
        total += np.log1p(abs(x[f] - y[f]))
    return total


def _speeds(num_features: int) -> dict[str, float]:
    """Queries a second of each peer."""
    generator = torch.Generator().manual_seed(0)
    bank = torch.randn(BANK_ROWS, num_features, generator=generator)
    queries = torch.randn(max(QUERIES.values()), num_features, generator=generator)
    scales = torch.ones(num_features)
    tree = NearestNeighbors(n_neighbors=NUM_NEAREST, algorithm="ball_tree", metric=_metric, n_jobs=1).fit(bank.numpy())
    batch = _formula.compiled(_formula.nearest_rows)

    def loop() -> None:
        for query in queries[: QUERIES["loop"]]:
            _formula.nearest_rows(query, bank, NUM_NEAREST)

    peers: dict[str, Callable[[], object]] = {
        "ours": lambda: nearest(queries, bank, scales, NUM_NEAREST, num_threads=NUM_THREADS),
        "loop": loop,
        "sklearn": lambda: tree.kneighbors(queries[: QUERIES["sklearn"]].numpy()),
    }
    if batch is not None:
        peers["compiled"] = lambda: batch(queries[: QUERIES["compiled"], None], bank, NUM_NEAREST)
    return {name: QUERIES[name] / seconds for name, seconds in median_seconds(peers).items()}
