"""Time of day and of week at the close of a bar, as Fourier pairs. Knows nothing of prices."""

import numpy as np

from job.arrays import FloatArray
from job.features.grid import GridBars


def fourier_sine(bars: GridBars, *, period_ms: int) -> FloatArray:
    """Sine of the phase of the close time within a period that starts at the epoch."""
    return np.sin(_phase(bars, period_ms))


def fourier_cosine(bars: GridBars, *, period_ms: int) -> FloatArray:
    """Cosine of the phase of the close time within a period that starts at the epoch."""
    return np.cos(_phase(bars, period_ms))


def _phase(bars: GridBars, period_ms: int) -> FloatArray:
    return 2 * np.pi * (bars.available_at % period_ms) / period_ms
