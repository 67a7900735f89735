from dataclasses import replace

import numpy as np
import pytest
import torch

from job.model.fit import LorentzianClassifier, LorentzianLearner
from job.model.novelty import NoveltyLimit, is_novel
from job.model.prior import PriorClassifier
from job.settings.procedure import ModelSettings
from tests.support.labelled import random_rows


def fitted(novelty: float | None, *, epochs: int = 1) -> tuple[LorentzianLearner, LorentzianClassifier]:
    """A vote on 400 rows of six normal features."""
    learner = LorentzianLearner(ModelSettings(epochs=epochs, novelty=novelty), stream=0, device=torch.device("cpu"))
    rows, validation = random_rows(400, strength=1.0), random_rows(100, strength=1.0, seed=1, first_bar=500)
    return learner, learner.refit(rows, (learner.validate(rows, validation, block=0),))[0]


def test_limit_is_a_quantile_of_what_is_known() -> None:
    """The 90 % quantile of 0, 1 ... 10 is 9; rows without enough neighbours do not count."""
    distance = np.append(np.arange(11.0), [np.inf, np.inf])
    assert NoveltyLimit.of(distance, quantile=0.9) == NoveltyLimit(quantile=0.9, distance=9.0)
    assert NoveltyLimit.of(np.full(3, np.inf), quantile=0.9).distance == np.inf


def test_rows_like_the_training_rows_are_novel_as_often_as_was_asked() -> None:
    """Of fresh rows of the same kind, a tenth lies beyond the 90 % quantile; of rows far away, all do."""
    _, classifier = fitted(0.9)
    fresh = random_rows(2_000, seed=7)
    assert classifier.is_novel(fresh.features).mean() == pytest.approx(0.1, abs=0.04)
    assert is_novel(classifier, np.full((3, 6), 1e6, np.float32)).all()


def test_training_rows_are_measured_without_rows_that_overlap_them() -> None:
    """Were a row its own neighbour, or that of its neighbours in time, the limit would be too small for new rows."""
    _, classifier = fitted(1.0)
    rows = random_rows(400, strength=1.0)
    with_itself = classifier.distance(rows.features)
    assert classifier.novelty is not None and classifier.novelty.distance > with_itself.max()


def test_validation_is_forecast_and_not_heard_where_it_is_novel() -> None:
    """The forecast stays, since it is judged; what is traded on does not have it."""
    learner, _ = fitted(0.9)
    rows, validation = random_rows(400, strength=1.0), random_rows(100, strength=1.0, seed=1, first_bar=500)
    strange = replace(validation, features=validation.features.copy())
    strange.features[:10] = 1e6
    fit = learner.validate(rows, strange, block=0)
    assert np.isfinite(fit.probability).all() and fit.is_novel is not None
    assert fit.is_novel[:10].all() and 0 < fit.is_novel[10:].sum() < 45
    np.testing.assert_array_equal(np.isnan(fit.heard(fit.probability)), fit.is_novel)


def test_nothing_is_novel_without_a_limit() -> None:
    """Whoever was not asked to stay silent never does: the vote without a limit, and models that know no distance."""
    far = np.full((3, 6), 1e6, np.float32)
    learner, classifier = fitted(None)
    assert classifier.novelty is None and not is_novel(classifier, far).any()
    assert not is_novel(PriorClassifier(probability=0.5), far).any()
    assert learner.validate(random_rows(100), random_rows(60, first_bar=200), block=0).is_novel is None
