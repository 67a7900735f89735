"""Trained members of one window, blended: what is chosen together, and what stays a member's own."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from job.blending import blend_procedure
from job.model.blend import BlendClassifier, mix
from job.model.lightgbm import LightgbmLearner
from job.model.logistic import LogisticLearner
from job.model.prior import PriorLearner
from job.procedure import TrainedProcedure
from job.settings.procedure import OptimizeMetric
from tests.job.test_procedure import RULES, WINDOW, make_klines, make_rows, train

KLINES = make_klines()
ROWS = make_rows(KLINES, knowledge=0.4)


@pytest.fixture(scope="module")
def members() -> dict[str, TrainedProcedure]:
    """Two that learn, and one that cannot."""
    torch.set_num_threads(1)
    learners = (LogisticLearner(), LightgbmLearner(seed=0), PriorLearner())
    return {learner.name: train(ROWS, KLINES, learner) for learner in learners}


def blend(members: dict[str, TrainedProcedure], rows: object = ROWS, klines: object = KLINES) -> TrainedProcedure:
    """The blend under the rules of the procedure's tests."""
    return blend_procedure(members, rows, klines, WINDOW, metric=OptimizeMetric.SHARPE_RATIO, rules=RULES, seed=0)


def sure_of_noise(member: TrainedProcedure) -> TrainedProcedure:
    """The member with validation forecasts that are certain, and right half of the time."""
    noise = np.random.default_rng(0).random(len(member.validation_up)) < 0.5
    return replace(member, validation_probability=np.where(noise, 0.999, 0.001))


def test_blend_forecasts_what_its_members_weigh(members: dict[str, TrainedProcedure]) -> None:
    """New rows are forecast by the members' own calibrated forecasts, at the weights that validation has chosen."""
    blended = blend(members)
    classifier = blended.classifier
    assert isinstance(classifier, BlendClassifier) and classifier.choice.is_kept
    assert [member.name for member in classifier.members] == list(members)
    weights = np.array([member.weight for member in classifier.members])
    features = ROWS.features[-50:]
    expected = mix(np.stack([member.forecast(features) for member in members.values()]), weights)
    np.testing.assert_allclose(blended.forecast(features), expected, rtol=1e-9)
    assert blended.curves == () and blended.slope == 1


def test_blend_chooses_its_own_thresholds_on_validation(members: dict[str, TrainedProcedure]) -> None:
    """Its validation rows are those of its members, its forecasts of them their mixture, and its account its own."""
    blended = blend(members)
    np.testing.assert_array_equal(blended.validation_up, members["logistic"].validation_up)
    lowest = np.min([member.validation_probability for member in members.values()], axis=0)
    highest = np.max([member.validation_probability for member in members.values()], axis=0)
    inside = (blended.validation_probability >= lowest - 1e-9) & (blended.validation_probability <= highest + 1e-9)
    assert inside.all()
    first = slice(0, len(lowest) // 2)
    equal = mix(np.stack([m.validation_probability for m in members.values()]), np.full(3, 1 / 3))
    np.testing.assert_allclose(blended.validation_probability[first], equal[first])
    assert len(blended.validation_account) == len(members["logistic"].validation_account)
    assert not np.array_equal(blended.validation_account.equity, members["logistic"].validation_account.equity)


def test_blend_that_is_dropped_is_its_best_member(members: dict[str, TrainedProcedure]) -> None:
    """Forecasts, thresholds and account are the member's; the choice says that the blend was dropped, and why."""
    worse = {name: member if name == "logistic" else sure_of_noise(member) for name, member in members.items()}
    blended, best = blend(worse), members["logistic"]
    classifier = blended.classifier
    assert isinstance(classifier, BlendClassifier)
    assert not classifier.choice.is_kept and classifier.choice.low > 0
    assert [member.name for member in classifier.members] == ["logistic"]
    assert blended.choice == best.choice
    np.testing.assert_array_equal(blended.validation_probability, best.validation_probability)
    np.testing.assert_allclose(blended.forecast(ROWS.features), best.forecast(ROWS.features), rtol=1e-9)


def test_blend_sees_nothing_of_the_test(members: dict[str, TrainedProcedure]) -> None:
    """Bars and rows of the test may be anything."""
    is_test = ROWS.open_time >= WINDOW.train.end_ms
    rows = replace(
        ROWS,
        up=np.where(is_test, 1 - ROWS.up, ROWS.up),
        features=np.where(is_test[:, None], np.float32(99), ROWS.features),
    )
    late = KLINES.open_time >= WINDOW.train.end_ms
    klines = replace(
        KLINES, **{name: np.where(late, 7.0, getattr(KLINES, name)) for name in ("open", "high", "low", "close")}
    )
    one, other = blend(members), blend(members, rows, klines)
    assert isinstance(one.classifier, BlendClassifier) and isinstance(other.classifier, BlendClassifier)
    assert one.classifier.choice == other.classifier.choice
    assert one.choice == other.choice
    assert one.validation_probability.tobytes() == other.validation_probability.tobytes()
