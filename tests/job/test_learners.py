"""Tests of the classifiers that a run trains side by side."""

import numpy as np
import pytest
import torch

from job.learners import make_learners
from job.settings.groups import ModelSettings
from tests.support.labelled import random_rows

CPU = torch.device("cpu")


@pytest.mark.parametrize(
    ("model", "names"), [("lorentzian", ["lorentzian", "logistic", "prior"]), ("logistic", ["logistic", "prior"])]
)
def test_learners_begin_with_the_traded_one(model: str, names: list[str]) -> None:
    """The model that the run is about comes first, its baselines after it."""
    settings = ModelSettings.model_validate({"model": model})
    assert [learner.name for learner in make_learners(settings, stream=0, device=CPU)] == names


def test_learners_of_a_stream_draw_the_same_numbers() -> None:
    """A window's randomness is its own: equal for the same index, another for the next."""
    settings, rows = ModelSettings(epochs=1), random_rows(200)
    validation = random_rows(100, seed=1, first_bar=300)

    def forecast(stream: int) -> bytes:
        learner = make_learners(settings, stream=stream, device=CPU)[0]
        return np.asarray(learner.validate(rows, validation, block=0).probability).tobytes()

    assert forecast(3) == forecast(3)
    assert forecast(3) != forecast(4)
