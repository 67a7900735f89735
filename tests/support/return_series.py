"""Two hundred seeded return series, the awkward ones included, for comparison with other libraries."""

import numpy as np

from job.arrays import FloatArray

NUM_SERIES = 200


def random_return_series(seed: int) -> FloatArray:
    """Series number ``seed``: fat tails, drift and dependence vary, and every tenth is a special case."""
    rng = np.random.default_rng(seed)
    length = int(rng.integers(2, 300))
    special = {
        0: np.zeros(length),
        10: np.full(length, 0.001),
        20: -np.abs(rng.normal(0, 0.01, length)) - 1e-6,
        30: np.abs(rng.normal(0, 0.01, length)) + 1e-6,
        40: rng.normal(0, 0.01, 1),
        50: np.full(length, -0.002),
    }
    if seed % 60 in special:
        return special[seed % 60]
    noise = np.clip(rng.standard_t(4, length), -20, 20) * 0.01
    noise[1:] += rng.uniform(-0.5, 0.5) * noise[:-1]
    return np.clip(noise + rng.normal(0, 0.002), -0.9, None)


def equity_of(returns: FloatArray, initial_equity: float = 10_000.0) -> FloatArray:
    """The curve that has these returns, E_0 first."""
    return initial_equity * np.cumprod(np.append(1.0, 1 + returns))
