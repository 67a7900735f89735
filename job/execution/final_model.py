"""The model for use from now on: the procedure fitted once more, on the newest days that it may read.

It has no test score of its own. What may be expected of it is what the run's windows showed.
"""

from dataclasses import dataclass

from job.artifacts.manifest import read_manifest, read_named
from job.checkpoint import checkpoint_bytes
from job.learners import learners_of, train_all
from job.procedure import TrainedProcedure
from job.run.plan import final_window
from job.run.run import Run
from job.run.training_data import read_training
from job.windows import Window


@dataclass(frozen=True, kw_only=True)
class FinalModel:
    """The final model of a run, the window that it was trained on, and its file."""

    window: Window
    trained: TrainedProcedure
    data: bytes


def fit_final_model(run: Run) -> FinalModel:
    """Train on the newest training span of the plan.

    Raises
    ------
    DataError
        Where its data changed since the plan.
    """
    window = final_window(run.plan)
    training = read_training(run, window)
    learners = learners_of(run.plan, window, device=run.device, peers=training.peers, with_baselines=False)
    trained = train_all(learners, training, window, run.plan.procedure)[run.traded_model]
    return FinalModel(window=window, trained=trained, data=checkpoint_bytes(trained, run.plan))


def stored_final_model(run: Run) -> bytes | None:
    """The final model that the run hands out; None where its manifest names none, or other bytes lie there."""
    manifest, key = read_manifest(run.store, run.keys.manifest), run.keys.best_model_final(run.plan.stamp)
    return None if manifest is None else read_named(run.store, manifest, key, root=run.keys.root)
