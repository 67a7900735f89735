import numpy as np
import pytest

from job.features import relations
from tests.support.features import bars_of_closes

RETURNS = 0.01 * np.random.default_rng(8).standard_normal(100)
CONTEXT = bars_of_closes(50 * np.exp(np.cumsum(RETURNS)))


def test_relations_of_an_exact_multiple_are_known() -> None:
    """A target that always moves twice as far has beta 2, correlation 1, no residual and contrast 1/3."""
    target = bars_of_closes(10 * np.exp(np.cumsum(2 * RETURNS)))
    assert relations.beta(target, CONTEXT, length=48)[-1] == pytest.approx(2)
    assert relations.correlation(target, CONTEXT, length=48)[-1] == pytest.approx(1)
    residual = relations.beta_residual(target, CONTEXT, length=12, beta_length=48)
    assert residual[-1] == pytest.approx(0, abs=1e-12)
    strength = relations.relative_strength(target, CONTEXT, length=24)
    assert strength[-1] == pytest.approx(RETURNS[-24:].sum())
    assert relations.relative_volatility(target, CONTEXT, length=48)[-1] == pytest.approx(1 / 3)


def test_beta_is_the_least_squares_slope_through_zero() -> None:
    """Beta and correlation equal numpy's on the same window, taken around zero."""
    own = 0.01 * np.random.default_rng(9).standard_normal(100)
    target = bars_of_closes(10 * np.exp(np.cumsum(own)))
    y, x = own[-48:], RETURNS[-48:]
    slope = np.linalg.lstsq(x[:, None], y, rcond=None)[0][0]
    assert relations.beta(target, CONTEXT, length=48)[-1] == pytest.approx(slope)
    expected = x @ y / np.sqrt((x @ x) * (y @ y))
    assert relations.correlation(target, CONTEXT, length=48)[-1] == pytest.approx(expected)
    residual = relations.beta_residual(target, CONTEXT, length=1, beta_length=48)
    assert residual[-1] == pytest.approx(own[-1] - slope * RETURNS[-1])


def test_relations_to_a_market_that_does_not_move_are_zero() -> None:
    """Without movement there is no slope and no correlation, and all of the return is residual."""
    target, still = bars_of_closes(np.arange(100.0, 200.0)), bars_of_closes([3.3] * 100)
    assert relations.beta(target, still, length=48)[-1] == 0
    assert relations.correlation(target, still, length=48)[-1] == 0
    assert relations.relative_volatility(target, still, length=48)[-1] == 1
    residual = relations.beta_residual(target, still, length=1, beta_length=48)
    assert residual[-1] == pytest.approx(np.log(199 / 198))
