import numpy as np
import pytest

from job.model import lightgbm as module
from job.model.classifier import ValidatedFit, mean_log_loss
from job.model.lightgbm import LightgbmLearner
from tests.support.labelled import random_rows

FIT, VALIDATION = random_rows(900, strength=1.5, seed=1), random_rows(400, strength=1.5, seed=2, first_bar=1000)


def of_rounds(rounds: int) -> ValidatedFit:
    """What validation says when it has chosen so many rounds."""
    return ValidatedFit(probability=np.empty(0), losses={float(rounds): 0.5})


def test_learner_finds_a_planted_signal() -> None:
    """The forecast beats the prior by far, and the planted feature is split most."""
    learner = LightgbmLearner(seed=0)
    result = learner.validate(FIT, VALIDATION, block=0)
    prior = mean_log_loss(VALIDATION.up, np.full(400, FIT.up.mean()))
    assert mean_log_loss(VALIDATION.up, result.probability) < prior - 0.08
    classifier, curve = learner.refit(FIT, (result,))
    assert curve is None
    assert int(np.argmax(classifier.booster.feature_importance("gain"))) == 2


def test_learner_stays_near_the_prior_on_noise() -> None:
    """Few rounds are chosen where there is nothing to learn."""
    fit, validation = random_rows(900, num_features=20), random_rows(400, num_features=20, seed=7, first_bar=1000)
    learner = LightgbmLearner(seed=0)
    classifier, _ = learner.refit(fit, (learner.validate(fit, validation, block=0),))
    unseen = random_rows(2000, num_features=20, seed=8, first_bar=2000)
    prior = mean_log_loss(unseen.up, np.full(2000, fit.up.mean()))
    assert mean_log_loss(unseen.up, classifier.predict(unseen.features)) < prior + 0.01


def test_validation_scores_each_round_and_forecasts_with_the_best() -> None:
    """Losses by round, up to patience after the best; the forecast of every row is the best round's."""
    validation = VALIDATION.select(np.arange(400))
    validation.up[::5] = np.nan
    result = LightgbmLearner(seed=0).validate(FIT, validation, block=0)
    best = min(result.losses, key=result.losses.__getitem__)
    assert list(result.losses) == [float(n) for n in range(1, len(result.losses) + 1)]
    assert len(result.losses) == min(best + module.PATIENCE_ROUNDS, module.MAX_ROUNDS)
    assert len(result.probability) == 400
    known = np.isfinite(validation.up)
    loss = mean_log_loss(validation.up[known], result.probability[known])
    assert loss == pytest.approx(result.losses[best], rel=1e-9)


def test_refit_has_the_chosen_rounds_and_small_trees() -> None:
    """As many trees as validation chose, none with more leaves or smaller ones than is said."""
    classifier, _ = LightgbmLearner(seed=0).refit(FIT, (of_rounds(20),))
    trees = classifier.booster.dump_model()["tree_info"]
    assert len(trees) == 20
    assert max(tree["num_leaves"] for tree in trees) <= 15
    counts = [int(n) for line in classifier.booster.model_to_string().splitlines()
              if line.startswith("leaf_count=") for n in line.split("=")[1].split()]  # fmt: skip
    assert min(counts) >= 50


def test_fits_are_equal_to_the_bit_and_depend_on_the_seed() -> None:
    """The same rows and seed give the same model; another seed shows trees other features."""
    models = [
        LightgbmLearner(seed=seed).refit(FIT, (of_rounds(20),))[0].booster.model_to_string() for seed in (0, 0, 1)
    ]
    assert models[0] == models[1] != models[2]


def test_validation_labels_teach_nothing() -> None:
    """Other validation labels change which round is best, never the trees."""
    other = VALIDATION.select(np.arange(400))
    other.up[:] = 1 - other.up
    one, two = (LightgbmLearner(seed=0).validate(FIT, rows, block=0) for rows in (VALIDATION, other))
    assert min(two.losses, key=two.losses.__getitem__) == 1
    assert len(one.losses) > len(two.losses)


def test_predict_of_no_rows_is_empty() -> None:
    """No bars, no forecasts."""
    classifier, _ = LightgbmLearner(seed=0).refit(FIT, (of_rounds(2),))
    assert classifier.predict(FIT.features[:0]).shape == (0,)
