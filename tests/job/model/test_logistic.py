from dataclasses import replace

import numpy as np
import pytest

from job.model.classifier import ValidatedFit, mean_log_loss
from job.model.logistic import INVERSE_PENALTIES, LogisticLearner
from tests.support.labelled import random_rows


def test_logistic_learner_chooses_a_strong_penalty_on_noise_and_a_weak_one_on_signal() -> None:
    """With many features and no signal the smallest coefficients win; a strong signal wants them free."""
    chosen = {}
    for strength in (0.0, 3.0):
        fit = random_rows(400, num_features=30, strength=strength, seed=1)
        validation = random_rows(400, num_features=30, strength=strength, seed=2, first_bar=500)
        losses = LogisticLearner().validate(fit, validation, block=0).losses
        assert set(losses) == set(INVERSE_PENALTIES)
        chosen[strength] = min(losses, key=losses.__getitem__)
    assert chosen[0.0] == INVERSE_PENALTIES[0]
    assert chosen[3.0] >= 0.1


def test_logistic_learner_forecasts_with_the_best_penalty() -> None:
    """The forecasts of validation rows, labelled or not, are those of the penalty with the lowest loss."""
    fit, validation = random_rows(300, strength=1.0, seed=1), random_rows(200, strength=1.0, seed=2, first_bar=400)
    validation.up[::5] = np.nan
    result = LogisticLearner().validate(fit, validation, block=0)
    assert len(result.probability) == 200
    labelled = np.isfinite(validation.up)
    loss = mean_log_loss(validation.up[labelled], result.probability[labelled])
    assert loss == pytest.approx(min(result.losses.values()), rel=1e-12)


def best_of(penalty: float, validated: tuple[ValidatedFit, ...]) -> tuple[ValidatedFit, ...]:
    """The same fits, had this penalty been the best of them."""
    return tuple(replace(each, losses={**each.losses, penalty: 0.0}) for each in validated)


def test_logistic_learner_refits_with_the_choice_of_both_blocks() -> None:
    """The refit uses the penalty with the lowest mean loss, and finds the planted feature."""
    fit, validation = random_rows(600, strength=1.0, seed=1), random_rows(300, strength=1.0, seed=2, first_bar=700)
    learner = LogisticLearner()
    validated = tuple(learner.validate(fit, validation, block=block) for block in range(2))
    classifier, curve = learner.refit(fit, validated)
    assert curve is None
    best = min(validated[0].losses, key=validated[0].losses.__getitem__)
    others = [best_of(penalty, validated) for penalty in INVERSE_PENALTIES]
    chosen = [np.array_equal(learner.refit(fit, other)[0].coefficients, classifier.coefficients) for other in others]
    assert [penalty for penalty, is_chosen in zip(INVERSE_PENALTIES, chosen, strict=True) if is_chosen] == [best]
    assert np.argmax(np.abs(classifier.coefficients)) == 2
    prior_loss = mean_log_loss(validation.up, np.full(300, fit.up.mean()))
    assert mean_log_loss(validation.up, classifier.predict(validation.features)) < prior_loss - 0.05


def test_logistic_classifier_forecasts_as_the_library_does() -> None:
    """The kept numbers give scikit-learn's own probabilities, and a row alone the same bits as among others."""
    from sklearn.linear_model import LogisticRegression

    rows = random_rows(300, strength=1.0, seed=1)
    learner = LogisticLearner()
    classifier, _ = learner.refit(rows, (ValidatedFit(probability=rows.up, losses={0.1: 0.0}),))
    scaled = classifier.scaler.transform(rows.features)
    theirs = LogisticRegression(C=0.1, max_iter=500).fit(scaled.astype(np.float64), rows.up).predict_proba(scaled)[:, 1]
    ours = classifier.predict(rows.features)
    np.testing.assert_allclose(ours, theirs, rtol=1e-12)
    assert classifier.predict(rows.features[7:8])[0] == ours[7]
