from dataclasses import replace

import numpy as np

from job.features.clock import fourier_cosine, fourier_sine
from job.intervals import DAY_MS, HOUR_MS
from tests.support.features import bars_of_closes
from tests.support.klines import START_MS


def test_fourier_pair_tells_the_time_of_the_close() -> None:
    """At closes of 00:00, 06:00 and 12:00 UTC the day's pair is at 0, 90 and 180 degrees."""
    closes_at = START_MS + np.array([0, 6, 12]) * HOUR_MS
    bars = replace(bars_of_closes([1, 1, 1]), open_time=closes_at - 300_000)
    np.testing.assert_allclose(fourier_sine(bars, period_ms=DAY_MS), [0, 1, 0], atol=1e-12)
    np.testing.assert_allclose(fourier_cosine(bars, period_ms=DAY_MS), [1, 0, -1], atol=1e-12)


def test_fourier_pair_lies_on_the_circle_and_repeats() -> None:
    """Sine² + cosine² is 1, and a week later the pair is the same."""
    bars = bars_of_closes([1.0] * 50)
    later = replace(bars, open_time=bars.open_time + 7 * DAY_MS)
    for period_ms in (DAY_MS // 2, DAY_MS, 7 * DAY_MS):
        sine, cosine = fourier_sine(bars, period_ms=period_ms), fourier_cosine(bars, period_ms=period_ms)
        np.testing.assert_allclose(sine**2 + cosine**2, 1)
        assert np.array_equal(fourier_sine(later, period_ms=period_ms), sine)
