"""Scaling of features, fitted on training rows only: median and interquartile range, then a smooth clip.

The clip x / sqrt(1 + (x/3)^2) keeps the order of values and stops a crash bar from being every other bar's only
neighbour. Source: RealMLP's preprocessing (Holzmueller et al., 2024, arXiv 2407.04491).
"""

from dataclasses import dataclass

import numpy as np

from job.arrays import Float32Array

CLIP = 3.0
SMALLEST_RANGE = 1e-9


@dataclass(frozen=True, kw_only=True)
class RobustScaler:
    """Centre and range of each feature, float32 (F,)."""

    center: Float32Array
    range: Float32Array

    @classmethod
    def fit(cls, features: Float32Array) -> "RobustScaler":
        """Fit on training rows, float32 (n, F); a feature that does not vary is only centred."""
        low, center, high = np.quantile(features, [0.25, 0.5, 0.75], axis=0)
        spread = high - low
        # Half of a rare flag's rows are equal: fall back to its standard deviation before giving up on its scale.
        # In float64: summed in float32, the deviation of a constant is rounding noise above any threshold.
        spread = np.where(spread > SMALLEST_RANGE, spread, features.std(axis=0, dtype=np.float64))
        spread = np.where(spread > SMALLEST_RANGE, spread, 1.0)
        return cls(center=center.astype(np.float32), range=spread.astype(np.float32))

    def standardize(self, features: Float32Array) -> Float32Array:
        """Features in units of their range around their centre, float32 (n, F), not clipped."""
        standard: Float32Array = (features - self.center) / self.range
        return standard

    def transform(self, features: Float32Array) -> Float32Array:
        """Scaled features, float32 (n, F), within [-3, 3]."""
        scaled = self.standardize(features)
        # hypot is sqrt(1 + x^2) without the overflow that would send a huge value to zero.
        clipped: Float32Array = scaled / np.hypot(1, scaled / CLIP)
        return clipped.astype(np.float32)
