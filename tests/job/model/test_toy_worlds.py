"""What the learners find where the truth is known: the order that the literature and the worlds' making suggest."""

import numpy as np
import pytest

from tests.support.toy_worlds import LOGIT_OF, losses_on_unseen


def mean_losses(world: str, num_seeds: int, *, only_baselines: bool) -> dict[str, float]:
    """Mean log-loss on unseen rows by learner."""
    losses = [losses_on_unseen(world, seed, only_baselines=only_baselines) for seed in range(num_seeds)]
    return {name: float(np.mean([each[name] for each in losses])) for name in losses[0]}


def test_baselines_find_nothing_in_noise() -> None:
    """Nobody beats the prior; what is tuned or stopped stays near it, and eight raw votes are far worse."""
    losses = mean_losses("null", 3, only_baselines=True)
    prior = losses.pop("prior")
    assert min(losses.values()) > prior - 0.004
    assert max(losses[name] for name in ("logistic", "volatility", "lightgbm", "mlp")) < prior + 0.01
    assert losses["lorentzian-knn-8"] > losses["lorentzian-knn-64"] + 0.02


def test_baselines_find_a_linear_signal() -> None:
    """The true model, the logistic, is best; all find it but the one that may not see its feature, and raw votes."""
    losses = mean_losses("linear", 3, only_baselines=True)
    assert min(losses, key=losses.__getitem__) == "logistic"
    assert max(losses[name] for name in ("lightgbm", "mlp")) < losses["prior"] - 0.01
    assert losses["lorentzian-knn-64"] < losses["prior"]
    assert losses["volatility"] == pytest.approx(losses["prior"], abs=0.003)


def test_baselines_without_lines_find_an_interaction() -> None:
    """A logistic regression sees nothing; the plain network and the vote of many neighbours see some of it."""
    losses = mean_losses("interaction", 3, only_baselines=True)
    assert losses["logistic"] > losses["prior"] - 0.002
    assert losses["mlp"] < losses["logistic"] - 0.003
    assert losses["lorentzian-knn-64"] < losses["logistic"]


@pytest.mark.slow
@pytest.mark.parametrize("world", LOGIT_OF)
def test_learned_vote_stands_where_its_making_says(world: str) -> None:
    """Near the prior on noise, near the best on a line, and before the logistic on an interaction."""
    losses = mean_losses(world, 6, only_baselines=False)
    if world == "null":
        assert losses["lorentzian"] < losses["prior"] + 0.005
    elif world == "linear":
        assert losses["lorentzian"] < losses["prior"] - 0.01
    else:
        assert losses["lorentzian"] < min(losses["prior"], losses["logistic"])
        assert losses["lightgbm"] < losses["prior"]
    assert losses["lorentzian"] < losses["lorentzian-knn-8"]
