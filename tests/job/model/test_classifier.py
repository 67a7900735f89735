import numpy as np
import pytest
from sklearn.metrics import log_loss

from job.model.classifier import ValidatedFit, best_candidate, mean_log_loss


def validated(**losses: float) -> ValidatedFit:
    """A fit whose candidates are named a, b, c for 0, 1, 2."""
    return ValidatedFit(
        probability=np.empty(0), losses={float("abc".index(name)): loss for name, loss in losses.items()}
    )


def test_best_candidate_has_the_lowest_mean_over_blocks() -> None:
    """Each block alone prefers another candidate than both together."""
    blocks = (validated(a=0.60, b=0.65, c=0.80), validated(a=0.80, b=0.65, c=0.60))
    assert best_candidate(blocks) == 1


def test_best_candidate_was_tried_by_every_block() -> None:
    """An epoch that one block never reached cannot be chosen."""
    assert best_candidate((validated(a=0.7, b=0.6, c=0.1), validated(a=0.7, b=0.6))) == 1


def test_best_candidate_of_equal_ones_is_the_smallest() -> None:
    """Ties go to fewer epochs, or the stronger penalty, in whatever order they were tried."""
    assert best_candidate((validated(c=0.5, a=0.5, b=0.5),)) == 0


def test_mean_log_loss_equals_sklearn() -> None:
    """The same number as scikit-learn's."""
    generator = np.random.default_rng(0)
    up, probability = (generator.random(200) < 0.4).astype(np.float64), generator.uniform(0.01, 0.99, 200)
    assert mean_log_loss(up, probability) == pytest.approx(log_loss(up, probability), rel=1e-12)


def test_mean_log_loss_of_a_certain_mistake_is_finite() -> None:
    """A forecast of 0 for what happened costs a lot, not infinitely much."""
    assert 30 < mean_log_loss(np.array([1.0]), np.array([0.0])) < 40
