"""The classifiers of a run: the one that trades, and the baselines that are trained on the very same rows. Pure."""

import torch

from job.model.classifier import Learner
from job.model.fit import LorentzianLearner
from job.model.knn import CANDIDATES, KnnLearner, NeighbourSearch
from job.model.lightgbm import LightgbmLearner
from job.model.logistic import LogisticLearner
from job.model.mlp import MlpLearner
from job.model.prior import PriorLearner
from job.model.volatility import VolatilityLearner
from job.procedure import OnProgress, TrainedProcedure, train_procedure
from job.records import ProcedureRecord
from job.rows import Dataset
from job.rules import trading_rules
from job.settings.procedure import ModelSettings
from job.windows import Window


def make_learners(
    settings: ModelSettings, *, feature_names: tuple[str, ...], stream: int, device: torch.device
) -> tuple[Learner, ...]:
    """The traded model's learner first, then the baselines', the class prior last; each name once.

    Parameters
    ----------
    settings : name the traded model.
    feature_names : of the columns, for the baseline that may see only some.
    stream : int
        Sets the random numbers of one window apart from the others'.
    device : where networks train.
    """
    search = NeighbourSearch(device=device)
    baselines: tuple[Learner, ...] = (
        LogisticLearner(),
        VolatilityLearner(feature_names),
        LightgbmLearner(seed=settings.seed),
        MlpLearner(settings, stream=stream, device=device),
        KnnLearner(name="lorentzian-knn-8", candidates=(8,), search=search),
        KnnLearner(name="lorentzian-knn-64", candidates=(64,), search=search),
        PriorLearner(),
    )
    own: tuple[Learner, ...] = (
        LorentzianLearner(settings, stream=stream, device=device),
        KnnLearner(name="lorentzian-knn", candidates=CANDIDATES, search=search),
    )
    traded = next(learner for learner in (*own, *baselines) if learner.name == settings.model)
    return traded, *(learner for learner in baselines if learner is not traded)


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
            refit=procedure.windows.refit,
            on_progress=on_progress if learner is learners[0] else None,
        )
        for learner in learners
    }
