"""Training under settings that are not the default: balanced classes, sizes of the encoder, a trial of a search."""

import numpy as np
import pytest

from job.model.classifier import ValidatedFit, mean_log_loss
from job.model.search import SearchFit
from job.model.trial import Trials
from job.settings.procedure import ModelSettings
from tests.job.model.test_fit import CPU, make_learner, validation_rows
from tests.support.labelled import random_rows


def test_balanced_classes_are_corrected_for() -> None:
    """Where one row in nine is up, forecasts of a vote that learned from even classes still say one in nine."""
    rows, validation = random_rows(900, strength=1.0), validation_rows(1.0, 600)
    rare = [
        part.select(np.flatnonzero((part.up == 0) | (np.arange(len(part)) % 8 == 0))) for part in (rows, validation)
    ]
    learner = make_learner(class_weights="balanced", epochs=2)
    result = learner.validate(*rare, block=0)
    classifier, _ = learner.refit(rare[0], (result,))
    assert classifier.network.prior.item() == pytest.approx(0.5)
    assert result.probability.mean() == pytest.approx(rare[0].up.mean(), abs=0.04)
    plain = make_learner(epochs=2).validate(*rare, block=0)
    uncorrected = 1 / (
        1 + np.exp(-np.log(result.probability / (1 - result.probability)) + classifier.network.correction.item())
    )
    losses = [mean_log_loss(rare[1].up, p) for p in (result.probability, plain.probability, uncorrected)]
    assert losses[0] < losses[1] + 0.02 < losses[2]


def test_balanced_classes_weigh_the_same_in_the_bank() -> None:
    """Up and down rows have the same sum of weights, in the vote as in the loss; the mean stays one."""
    rows = random_rows(300)
    rows = rows.select(np.flatnonzero((rows.up == 0) | (np.arange(300) % 5 == 0)))
    classifier, _ = make_learner(class_weights="balanced", epochs=1).refit(
        rows, (ValidatedFit(probability=np.empty(0), losses={1.0: 0.5}),)
    )
    weights = classifier.log_weights.double().exp().numpy()
    assert weights[rows.up == 1].sum() == pytest.approx(weights[rows.up == 0].sum(), rel=1e-5)
    assert weights.mean() == pytest.approx(1, rel=1e-5)


def test_settings_shape_the_encoder() -> None:
    """Embedding, hidden units, blocks and dropout are those that were asked for."""
    learner = make_learner(encoder="residual", embedding=5, hidden=7, blocks=2, dropout=0.4, epochs=1)
    classifier, _ = learner.refit(random_rows(100), (ValidatedFit(probability=np.empty(0), losses={1.0: 0.5}),))
    shapes = {name: tuple(value.shape) for name, value in classifier.network.state_dict().items()}
    assert shapes["encoder.front"] == (6, 5)
    assert [shapes[f"encoder.blocks.{block}.inner"] for block in (0, 1)] == [(5, 7), (5, 7)]


def test_trial_is_judged_as_a_whole_fit_is() -> None:
    """It has the losses of the fit with its settings, to the bit, and no forecast that could be used by mistake."""
    rows, validation = random_rows(300, strength=1.0), validation_rows(1.0, 100)
    fit = SearchFit(name="lorentzian#1@2", settings=ModelSettings(epochs=2), is_trial=True)
    trial = Trials([fit], stream=0, device=CPU).learners[fit.name]
    judged, whole = (each.validate(rows, validation, block=1) for each in (trial, make_learner(epochs=2)))
    assert judged.losses == whole.losses
    assert len(judged.probability) == 100 and np.isnan(judged.probability).all()
