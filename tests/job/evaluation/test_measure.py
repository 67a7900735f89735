import math

import numpy as np
import pytest

from job.evaluation.measure import Measure


def test_measure_has_a_value_or_a_reason() -> None:
    """Neither and both are refused."""
    assert Measure.of(np.float64(1.5)).value == 1.5
    assert type(Measure.of(np.float64(1.5)).value) is float
    assert Measure.undefined("no_trades").value is None
    with pytest.raises(ValueError, match="either"):
        Measure(None)
    with pytest.raises(ValueError, match="either"):
        Measure(1.0, "no_trades")


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_measure_refuses_what_is_not_finite(bad: float) -> None:
    """An endless or undefined float is never a value."""
    with pytest.raises(ValueError, match="finite"):
        Measure.of(bad)


def test_measure_ranks_undefined_last() -> None:
    """In a choice of the largest, a reason loses to every number."""
    choices = [Measure.undefined("zero_variance"), Measure.of(-1e9), Measure.of(-2e9)]
    assert max(choices, key=lambda measure: measure.rank) == Measure.of(-1e9)
