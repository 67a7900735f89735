from pathlib import Path

import numpy as np
import pytest
import torch

from job.artifacts.folder import LocalStore
from job.model.classifier import Learner
from job.run.run import Run
from job.settings.groups import ModelSettings
from tests.support.labelled import random_rows
from tests.support.runs import example_run


def make_run(folder: Path, model: str) -> Run:
    """A run about one model."""
    plan = example_run(1).plan
    settings = ModelSettings.model_validate({"model": model, "epochs": 1})
    procedure = plan.procedure.model_copy(update={"model": settings})
    return Run(
        plan=plan.model_copy(update={"procedure": procedure}),
        store=LocalStore(folder),
        ledger=LocalStore(folder),
        conninfo="",
        device=torch.device("cpu"),
        ledger_name="ledger",
    )


@pytest.mark.parametrize(
    ("model", "names"), [("lorentzian", ["lorentzian", "logistic", "prior"]), ("logistic", ["logistic", "prior"])]
)
def test_learners_begin_with_the_traded_one(tmp_path: Path, model: str, names: list[str]) -> None:
    """The model that the run is about comes first, its baselines after it."""
    run = make_run(tmp_path, model)
    assert run.traded_model == model
    assert [learner.name for learner in run.learners(stream=0)] == names
    assert run.keys.root == "runs/example/"


def test_learners_of_a_stream_draw_the_same_numbers(tmp_path: Path) -> None:
    """A window's randomness is its own: equal for the same index, another for the next."""
    run, rows = make_run(tmp_path, "lorentzian"), random_rows(200)
    validation = random_rows(100, seed=1, first_bar=300)

    def forecast(stream: int) -> bytes:
        learner: Learner = run.learners(stream=stream)[0]
        return np.asarray(learner.validate(rows, validation, block=0).probability).tobytes()

    assert forecast(3) == forecast(3)
    assert forecast(3) != forecast(4)
