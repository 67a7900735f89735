from job.model.prior import PriorLearner
from tests.support.labelled import random_rows


def test_prior_learner_forecasts_the_share_of_up() -> None:
    """One number for everything: the share of up labels in the rows it was fitted on, not in those it forecasts."""
    fit, validation = random_rows(100, seed=1), random_rows(50, seed=2, first_bar=200)
    learner = PriorLearner()
    validated = learner.validate(fit, validation, block=0)
    assert set(validated.probability) == {fit.up.mean()}
    assert len(validated.probability) == 50
    assert (validated.losses, validated.curve) == ({}, None)
    classifier, curve = learner.refit(validation, (validated,))
    assert curve is None
    assert set(classifier.predict(fit.features)) == {validation.up.mean()}
