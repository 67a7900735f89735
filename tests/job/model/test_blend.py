import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from job.arrays import FloatArray
from job.model.blend import (
    BlendClassifier,
    BlendMember,
    MemberForecasts,
    choose_blend,
    fit_weights,
    forward_mix,
    mix,
)
from job.model.calibration import shrink
from job.model.classifier import mean_log_loss
from tests.support.labelled import sigmoid

ROWS_A_DAY, DAYS_A_BLOCK = 60, 6
NAMES = ("one", "two", "three")


def forecasts_of(*logits: FloatArray, up: FloatArray) -> MemberForecasts:
    """Members with these logits, over two blocks of six days."""
    number = np.arange(len(up))
    return MemberForecasts(
        names=NAMES[: len(logits)],
        probability=sigmoid(np.stack(logits)),
        up=up,
        block=number // (ROWS_A_DAY * DAYS_A_BLOCK),
        day=number // ROWS_A_DAY,
    )


def world(seed: int, *noise: float) -> MemberForecasts:
    """Labels with a known chance; each member sees its logit through noise of its own, by that much."""
    generator = np.random.default_rng(seed)
    count = 2 * ROWS_A_DAY * DAYS_A_BLOCK
    true = generator.standard_normal(count)
    up = (generator.random(count) < sigmoid(true)).astype(np.float64)
    return forecasts_of(*(true + each * generator.standard_normal(count) for each in noise), up=up)


def test_mix_of_hand_made_forecasts() -> None:
    """Opposite forecasts of equal weight are a coin; all of the weight is that member's own forecast."""
    both = np.array([[0.2, 0.5, 0.9], [0.8, 0.5, 0.9]])
    np.testing.assert_allclose(mix(both, np.array([0.5, 0.5])), [0.5, 0.5, 0.9])
    np.testing.assert_allclose(mix(both, np.array([0.0, 1.0])), both[1], rtol=1e-9)
    # (2/3) log(1/4) + (1/3) log 4 is log(4^(-1/3)).
    np.testing.assert_allclose(mix(both, np.array([2 / 3, 1 / 3]))[0], 1 / (1 + 4 ** (1 / 3)))


@given(st.integers(0, 1_000))
@settings(max_examples=8, deadline=None)
def test_fit_weights_are_a_share_each(seed: int) -> None:
    """Never negative, one in all, and never less than half of an equal share."""
    forecasts = world(seed, 0.1, 1.0, 3.0)
    weights = fit_weights(forecasts.probability, forecasts.up)
    assert weights.sum() == pytest.approx(1)
    assert (weights >= 1 / 6 - 1e-12).all()


def test_fit_weights_follow_what_is_known() -> None:
    """Members alike weigh alike; who knows more weighs more, and he who knows all two thirds: half way to equal."""
    forecasts = world(3, 0.0, 0.0, 3.0)
    assert fit_weights(forecasts.probability[:2], forecasts.up).tolist() == [0.5, 0.5]
    certain = forecasts_of(np.where(forecasts.up == 1, 9.0, -9.0), np.zeros(len(forecasts.up)), up=forecasts.up)
    assert fit_weights(certain.probability, certain.up).tolist() == [0.75, 0.25]
    weights = fit_weights(forecasts.probability[1:], forecasts.up)
    assert weights[0] > 0.6


def test_fit_weights_equal_a_search_pair_by_pair() -> None:
    """Of two members, the best twentieth by log-loss, moved half of the way to one half."""
    forecasts = world(5, 0.5, 1.5)
    shares = np.arange(21) / 20
    losses = [mean_log_loss(forecasts.up, mix(forecasts.probability, np.array([s, 1 - s]))) for s in shares]
    best = shares[int(np.argmin(losses))]
    found = fit_weights(forecasts.probability, forecasts.up)
    assert 0 < best < 1
    np.testing.assert_allclose(found, [0.5 * best + 0.25, 0.5 * (1 - best) + 0.25])


def test_forward_mix_weighs_no_row_by_its_own_block() -> None:
    """The first block's are weighed equally; the next one's by the first block's labels, and by no other."""
    forecasts = world(7, 0.1, 2.0, 2.0)
    first = forecasts.block == 0
    mixed = forward_mix(forecasts)
    equal = np.full(3, 1 / 3)
    np.testing.assert_array_equal(mixed[first], mix(forecasts.probability[:, first], equal))
    weights = fit_weights(forecasts.probability[:, first], forecasts.up[first])
    np.testing.assert_array_equal(mixed[~first], mix(forecasts.probability[:, ~first], weights))

    def with_labels(up: FloatArray) -> FloatArray:
        return forward_mix(
            MemberForecasts(
                names=forecasts.names,
                probability=forecasts.probability,
                up=up,
                block=forecasts.block,
                day=forecasts.day,
            )
        )

    np.testing.assert_array_equal(with_labels(np.where(first, forecasts.up, 1 - forecasts.up)), mixed)
    assert not np.array_equal(with_labels(np.where(first, 1 - forecasts.up, forecasts.up)), mixed)
    unlabelled = with_labels(np.full(len(first), np.nan))
    np.testing.assert_array_equal(unlabelled, mix(forecasts.probability, equal))


def test_blend_of_equals_is_kept() -> None:
    """Three who see the same through noise of their own are better together than the best of them."""
    choice = choose_blend(world(11, 1.0, 1.0, 1.0), seed=0)
    assert choice.is_kept
    assert choice.loss_less_best < 0 and choice.low < choice.loss_less_best < choice.high
    assert sum(choice.weights.values()) == pytest.approx(1)
    assert choose_blend(world(11, 1.0, 1.0, 1.0), seed=0) == choice


def test_blend_that_is_worse_is_dropped_for_its_best_member() -> None:
    """One who knows beside two who are sure of noise: the whole interval lies on the worse side."""
    choice = choose_blend(world(13, 0.0, 4.0, 4.0), seed=0)
    assert not choice.is_kept
    assert choice.low > 0
    assert choice.best_member == "one"
    assert choice.weights == {"one": 1.0, "two": 0.0, "three": 0.0}


def test_blend_of_noise_is_kept_where_nothing_can_be_told() -> None:
    """Members that hardly differ: an interval around zero drops nothing."""
    forecasts = world(17, 0.0, 0.05, 0.05)
    choice = choose_blend(forecasts, seed=0)
    assert choice.low <= 0
    assert choice.is_kept


class Constant:
    """A classifier of one number."""

    def __init__(self, probability: float) -> None:
        self.probability = probability

    def predict(self, features: FloatArray) -> FloatArray:
        """The number."""
        return np.full(len(features), self.probability)


def test_classifier_mixes_calibrated_members() -> None:
    """Each member is shrunk by its own slope to its own prior before it is weighed."""
    choice = choose_blend(world(11, 1.0, 1.0), seed=0)
    members = (
        BlendMember(name="one", weight=0.25, classifier=Constant(0.9), prior=0.4, slope=0.5),
        BlendMember(name="two", weight=0.75, classifier=Constant(0.3), prior=0.5, slope=1.0),
    )
    found = BlendClassifier(members=members, choice=choice).predict(np.zeros((3, 2), dtype=np.float32))
    one = shrink(np.array([0.9]), prior=0.4, slope=0.5)
    logit = 0.25 * np.log(one / (1 - one)) + 0.75 * np.log(0.3 / 0.7)
    np.testing.assert_allclose(found, np.repeat(sigmoid(logit), 3))
    assert found.dtype == np.float64
