from types import SimpleNamespace

import numpy as np
import pytest
from arch.bootstrap import SPA

from job.evaluation.bootstrap import DayDraws, draw_days
from job.evaluation.spa import no_skill_p_value, spa_p_value

NUM_DRAWS = 500


def dependent_noise(num_series: int, num_days: int, seed: int) -> np.ndarray:
    """Daily returns without skill that remember yesterday."""
    shocks = np.random.default_rng(seed).normal(0, 0.01, (num_series, num_days + 1))
    return shocks[:, 1:] + 0.3 * shocks[:, :-1]


def draws_for(series: np.ndarray, seed: int = 0) -> DayDraws:
    """A few hundred shared draws."""
    return draw_days(series, rng=np.random.default_rng(seed), num_draws=NUM_DRAWS)


def consistent_p_of_arch(models: np.ndarray, benchmark: np.ndarray, draws: DayDraws) -> tuple[float, np.ndarray]:
    """Arch's consistent p-value on the same draws, and its variances. It takes losses: returns with a minus."""
    test = SPA(-benchmark, -models.T, block_size=1, reps=NUM_DRAWS)
    test.block_size = draws.block_days  # type: ignore[assignment]
    redrawn = [((test._loss_diff[row],), {}) for row in draws.index]
    test.bootstrap = SimpleNamespace(bootstrap=lambda reps: redrawn)  # type: ignore[assignment]
    test.compute()
    return float(test.pvalues["consistent"]), test._loss_diff_var


def as_ours(p_value: float) -> float:
    """The same count with the observed history as one more draw."""
    return (1 + round(p_value * NUM_DRAWS)) / (1 + NUM_DRAWS)


@pytest.mark.parametrize("seed", range(40))
def test_spa_p_value_of_one_model_is_that_of_arch(seed: int) -> None:
    """Against one benchmark and on the same draws, the p-value is arch's to the last draw."""
    model, benchmark = dependent_noise(2, 147, seed)
    draws = draws_for(model)
    model = model + abs((model - benchmark).mean()) * 2 - (model - benchmark).mean()
    expected, _ = consistent_p_of_arch(model[np.newaxis], benchmark, draws)
    assert spa_p_value(model, benchmark, draws).value == pytest.approx(as_ours(expected))


@pytest.mark.parametrize("seed", range(20))
def test_spa_p_value_of_many_models_is_that_of_arch(seed: int) -> None:
    """With leads scaled to unit deviation, which makes arch's maximum Hansen's, the p-values are equal."""
    benchmark, *others = dependent_noise(6, 147, seed)
    models = np.array(others) * np.array([0.5, 1, 2, 1, 1])[:, None] + np.array([0, 0, 0, 0.002, -0.02])[:, None]
    draws = draws_for(models[0])
    _, variance = consistent_p_of_arch(models, benchmark, draws)
    lead = (models - benchmark) / np.sqrt(variance)[:, None]
    expected, _ = consistent_p_of_arch(lead, np.zeros(147), draws)
    ours = spa_p_value(models, benchmark, draws).value
    assert ours == pytest.approx(as_ours(expected))


def test_spa_p_value_is_right_under_the_null() -> None:
    """Among models without skill, p lies below .05 in about 5 % of samples, or less."""
    rejected = 0
    for seed in range(120):
        benchmark, *models = dependent_noise(4, 147, seed)
        rejected += spa_p_value(np.array(models), benchmark, draws_for(models[0], seed)).rank < 0.05
    assert rejected / 120 <= 0.10


def test_spa_p_value_finds_a_better_model() -> None:
    """A lead of three standard errors is seen, and turned around it is not one."""
    model, benchmark = dependent_noise(2, 700, 1)
    model = model - (model - benchmark).mean() + 3 * (model - benchmark).std() / 700**0.5 * 1.3
    draws = draws_for(model)
    assert spa_p_value(model, benchmark, draws).rank < 0.02
    assert spa_p_value(benchmark, model, draws).value == 1


def test_spa_p_value_of_equal_returns_is_one() -> None:
    """A model that is its benchmark is not better, nor is a constant lead a testable one."""
    model = dependent_noise(1, 100, 2)[0]
    draws = draws_for(model)
    assert spa_p_value(model, model, draws).value == 1
    assert spa_p_value(model + 0.001, model, draws).value == 1


def test_spa_p_value_needs_sixty_days_and_finite_returns() -> None:
    """59 days have no p-value; NaN and other days are refused."""
    model, benchmark = dependent_noise(2, 59, 3)
    assert spa_p_value(model, benchmark, draws_for(model)).reason == "too_short"
    with pytest.raises(ValueError, match="59 days"):
        spa_p_value(model[1:], benchmark[1:], draws_for(model))
    with pytest.raises(ValueError, match="finite"):
        spa_p_value(model * np.nan, benchmark, draws_for(model))


def test_no_skill_p_value_is_that_of_the_strictest_rule() -> None:
    """Beating a rule that loses at every bar says nothing while another rule is as good."""
    model, twin = dependent_noise(2, 147, 4)
    model, twin = model - model.mean() + 0.003, twin - twin.mean() + 0.003
    loser = dependent_noise(1, 147, 5)[0] - 0.02
    draws = draws_for(model)
    assert no_skill_p_value(model, loser, draws).rank < 0.01
    strict = no_skill_p_value(model, np.stack([loser, twin]), draws)
    assert strict == spa_p_value(model, twin, draws)
    assert strict.rank > 0.05
