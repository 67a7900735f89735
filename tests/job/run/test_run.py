from pathlib import Path

import torch

from job.artifacts.folder import LocalStore
from job.run.run import Run
from job.settings.procedure import ModelSettings
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


def test_run_knows_its_model_and_its_place(tmp_path: Path) -> None:
    """The traded model is the plan's, and objects live under the run's id."""
    run = make_run(tmp_path, "logistic")
    assert run.traded_model == "logistic"
    assert run.keys.root == "runs/example/"
