"""Tests of the classifiers that a run trains side by side."""

from collections.abc import Iterator
from typing import get_args

import numpy as np
import pytest
import torch
from threadpoolctl import threadpool_limits

from job.learners import make_learners
from job.model.blend import BLEND, MEMBERS
from job.model.classifier import Learner
from job.model.transfer import TransferLearner
from job.records import POOLED, SCRATCH
from job.settings.procedure import ModelSettings
from tests.support.labelled import random_rows

CPU = torch.device("cpu")
NAMES = ("log_return_1", "log_return_2", "log_return_3", "atr_14", "day_sine", "day_cosine")
BASELINES = ["logistic", "volatility", "lightgbm", "mlp", "lorentzian-knn-8", "lorentzian-knn-64", "prior"]
MODELS = [name for name in get_args(ModelSettings.model_fields["model"].annotation) if name != BLEND]


@pytest.fixture(autouse=True, scope="module")
def one_thread() -> Iterator[None]:
    """Small arrays are fastest on one thread, and a busy machine stays fair."""
    torch.set_num_threads(1)
    with threadpool_limits(1):
        yield


def learners_of(settings: ModelSettings, stream: int = 0) -> tuple[Learner, ...]:
    """The learners of a window."""
    return make_learners(settings, feature_names=NAMES, stream=stream, device=CPU)


@pytest.mark.parametrize("model", get_args(ModelSettings.model_fields["model"].annotation))
def test_learners_begin_with_the_traded_one(model: str) -> None:
    """What the run is about comes first, all other baselines after it, each once, and the prior last."""
    settings = ModelSettings.model_validate({"model": model})
    traded = list(MEMBERS) if model == BLEND else [model]
    names = [learner.name for learner in learners_of(settings)]
    assert names == [*traded, *(name for name in BASELINES if name not in traded)]
    alone = make_learners(settings, feature_names=NAMES, stream=0, device=CPU, with_baselines=False)
    assert [learner.name for learner in alone] == traded


def test_votes_without_the_others_stand_beside_one_that_learns_from_them() -> None:
    """From scratch and pooled, before the prior; what trades is made of the first alone."""
    settings = ModelSettings(transfer="pretrain")
    learners = make_learners(settings, feature_names=NAMES, stream=0, device=CPU, peers={"BTCUSDT": random_rows(60)})
    assert [learner.name for learner in learners] == ["lorentzian", *BASELINES[:-1], SCRATCH, POOLED, "prior"]
    assert isinstance(learners[0], TransferLearner)
    alone = make_learners(settings, feature_names=NAMES, stream=0, device=CPU, peers={}, with_baselines=False)
    assert [learner.name for learner in alone] == ["lorentzian"]


@pytest.mark.parametrize("name", dict.fromkeys([*MODELS, *BASELINES]))
def test_learners_keep_their_promise(name: str) -> None:
    """Each forecasts every row with a probability, refits with its choice, and is equal to the bit when repeated."""
    rows, validation = random_rows(300, strength=1.0), random_rows(100, strength=1.0, seed=1, first_bar=400)
    validation.up[::3] = np.nan
    model = name if name in MODELS else "lorentzian"
    settings = ModelSettings.model_validate({"model": model, "epochs": 2})

    def forecast() -> bytes:
        learner = next(learner for learner in learners_of(settings) if learner.name == name)
        blocks = tuple(learner.validate(rows, validation, block=block) for block in range(2))
        classifier, curve = learner.refit(rows, blocks)
        assert (curve is None) == (blocks[0].curve is None)
        forecasts = [*(block.probability for block in blocks), classifier.predict(validation.features)]
        for probability in forecasts:
            assert (probability.shape, probability.dtype) == ((100,), np.float64)
            assert ((probability > 0) & (probability < 1)).all()
        return b"".join(probability.tobytes() for probability in forecasts)

    assert forecast() == forecast()


@pytest.mark.parametrize("model", ["lorentzian", "mlp"])
def test_learners_of_a_stream_draw_the_same_numbers(model: str) -> None:
    """A window's randomness is its own: equal for the same index, another for the next."""
    settings, rows = ModelSettings.model_validate({"model": model, "epochs": 1}), random_rows(200)
    validation = random_rows(100, strength=2.0, seed=1, first_bar=300)

    def forecast(stream: int) -> tuple[float, ...]:
        curve = learners_of(settings, stream)[0].validate(rows, validation, block=0).curve
        assert curve is not None
        return curve.training

    assert forecast(3) == forecast(3)
    assert forecast(3) != forecast(4)
