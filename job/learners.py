"""The classifiers of a run: the one that trades, and the baselines that are trained on the very same rows. Pure."""

import torch

from job.model.classifier import Learner
from job.model.fit import LorentzianLearner
from job.model.logistic import LogisticLearner
from job.model.prior import PriorLearner
from job.procedure import OnProgress, TrainedProcedure, train_procedure
from job.records import ProcedureRecord
from job.rows import Dataset
from job.rules import trading_rules
from job.settings.groups import ModelSettings
from job.windows import Window


def make_learners(settings: ModelSettings, *, stream: int, device: torch.device) -> tuple[Learner, ...]:
    """The traded model's learner first, then the baselines'.

    Parameters
    ----------
    settings : name the traded model.
    stream : int
        Sets the random numbers of one window apart from the others'.
    device : where networks train.
    """
    lorentzian = LorentzianLearner(settings, stream=stream, device=device)
    baselines: tuple[Learner, ...] = (LogisticLearner(), PriorLearner())
    return (lorentzian, *baselines) if settings.model == "lorentzian" else baselines


def train_all(
    learners: tuple[Learner, ...],
    training: Dataset,
    window: Window,
    procedure: ProcedureRecord,
    *,
    on_progress: OnProgress | None = None,
) -> dict[str, TrainedProcedure]:
    """Every learner on one training span, by name; ``on_progress`` hears of the first, which trades."""
    return {
        learner.name: train_procedure(
            learner,
            training.rows,
            training.klines,
            window,
            metric=procedure.windows.optimize_metric,
            rules=trading_rules(procedure),
            seed=procedure.model.seed,
            on_progress=on_progress if learner is learners[0] else None,
        )
        for learner in learners
    }
