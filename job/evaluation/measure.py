"""A number that may not exist. What is undefined is a reason, never 0, never infinite, never NaN."""

import math
from dataclasses import dataclass
from typing import Literal, Self, TypeAlias

Reason: TypeAlias = Literal[
    "no_trades",
    "no_losses",
    "no_wins",
    "no_stop",
    "no_target",
    "no_drawdown",
    "no_edge_before_costs",
    "zero_variance",
    "too_short",
    "one_class",
    "constant_forecast",
    "certain_prior",
    "extreme_moments",
    "not_above_benchmark",
    "too_few_trials",
    "too_few_windows",
]

# Below this a standard deviation is rounding noise of a constant series.
ZERO_DEVIATION = 1e-12


@dataclass(frozen=True)
class Measure:
    """A finite number, or the reason why there is none: exactly one of the two.

    Parameters
    ----------
    value : finite float, or None.
    reason : None, or why the number is undefined.

    Raises
    ------
    ValueError
        If both or neither is set, or the value is not finite.
    """

    value: float | None
    reason: Reason | None = None

    def __post_init__(self) -> None:
        if (self.value is None) == (self.reason is None):
            raise ValueError("a measure has either a value or a reason")
        if self.value is not None and not math.isfinite(self.value):
            raise ValueError(f"a measure must be finite, got {self.value}")

    @classmethod
    def of(cls, value: float) -> Self:
        """A defined number; numpy scalars become plain floats."""
        return cls(float(value))

    @classmethod
    def undefined(cls, reason: Reason) -> Self:
        """A number that does not exist, and why."""
        return cls(None, reason)

    @property
    def rank(self) -> float:
        """Key for choosing the largest: an undefined number comes last."""
        return -math.inf if self.value is None else self.value
