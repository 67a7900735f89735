"""The classifiers of a run: the one that trades, and the baselines that are trained on the very same rows. Pure."""

from dataclasses import replace
from functools import partial

import torch

from job.blending import blend_procedure
from job.model.blend import BLEND, MEMBERS
from job.model.classifier import Learner
from job.model.fit import LorentzianLearner
from job.model.knn import CANDIDATES, KnnLearner, NeighbourSearch
from job.model.lightgbm import LightgbmLearner
from job.model.logistic import LogisticLearner
from job.model.mlp import MlpLearner
from job.model.prior import PriorLearner
from job.model.search import SEARCHED, search_fits
from job.model.transfer import Peers, PooledLearner, TransferLearner
from job.model.trial import Trials
from job.model.volatility import VolatilityLearner
from job.procedure import OnProgress, TrainedProcedure, train_procedure
from job.records import SCRATCH, PlanRecord, ProcedureRecord
from job.rows import Dataset
from job.rules import trading_rules
from job.searching import search_settings, to_train
from job.settings.procedure import ModelSettings
from job.windows import Window

NOBODY: Peers = {}


def learners_of(
    plan: PlanRecord, window: Window, *, device: torch.device, peers: Peers = NOBODY, with_baselines: bool = True
) -> tuple[Learner, ...]:
    """The learners of one window of a plan; parameters as of `make_learners`."""
    return make_learners(
        plan.procedure.model,
        feature_names=plan.feature_names,
        stream=window.index,
        device=device,
        peers=peers,
        with_baselines=with_baselines,
    )


def make_learners(
    settings: ModelSettings,
    *,
    feature_names: tuple[str, ...],
    stream: int,
    device: torch.device,
    peers: Peers = NOBODY,
    with_baselines: bool = True,
) -> tuple[Learner, ...]:
    """The traded model's learner first, then the baselines', the class prior last; each name once.

    A blend has no learner of its own: its members' come first, and `train_all` blends what they have learned. Those of
    a search's candidates come last; `train_all` trains the best of them in the place of the vote that they change.

    Parameters
    ----------
    settings : name the traded model.
    feature_names : of the columns, for the baseline that may see only some.
    stream : int
        Sets the random numbers of one window apart from the others'.
    device : where networks train.
    peers : rows of the other markets that are learned from, where the settings say so.
    with_baselines : or only what the traded model is made of.
    """
    search = NeighbourSearch(device=device)
    vote, *other_votes = _votes(settings, stream=stream, device=device, peers=peers)
    baselines: tuple[Learner, ...] = (
        LogisticLearner(),
        VolatilityLearner(feature_names),
        LightgbmLearner(seed=settings.seed),
        MlpLearner(settings, stream=stream, device=device),
        KnnLearner(name="lorentzian-knn-8", candidates=(8,), search=search),
        KnnLearner(name="lorentzian-knn-64", candidates=(64,), search=search),
        *other_votes,
        PriorLearner(),
    )
    own: tuple[Learner, ...] = (vote, KnnLearner(name="lorentzian-knn", candidates=CANDIDATES, search=search))
    every = {learner.name: learner for learner in (*own, *baselines)}
    needed = tuple(every[name] for name in (MEMBERS if settings.model == BLEND else (settings.model,)))
    beside = tuple(each for each in baselines if each not in needed) if with_baselines else ()
    fits = search_fits(settings)
    trials = Trials(fits, stream=stream, device=device)
    tried = (
        trials.learners[fit.name]
        if fit.is_trial
        else LorentzianLearner(fit.settings, stream=stream, device=device, name=fit.name)
        for fit in fits
    )
    return (*needed, *beside, *tried)


def _votes(settings: ModelSettings, *, stream: int, device: torch.device, peers: Peers) -> tuple[Learner, ...]:
    """The vote; where it learns from other markets too, then the same without them, and one of all rows together."""
    scratch = partial(LorentzianLearner, settings, stream=stream, device=device)
    if settings.transfer == "none":
        return (scratch(),)
    return (
        TransferLearner(settings, stream=stream, device=device, peers=peers),
        scratch(name=SCRATCH),
        PooledLearner(settings, stream=stream, device=device, peers=peers),
    )


def train_all(
    learners: tuple[Learner, ...],
    training: Dataset,
    window: Window,
    procedure: ProcedureRecord,
    *,
    on_progress: OnProgress | None = None,
) -> dict[str, TrainedProcedure]:
    """Every learner on one training span, by name, the traded model first; ``on_progress`` hears of the first."""
    metric, rules, seed = procedure.windows.optimize_metric, trading_rules(procedure), procedure.model.seed
    search = search_settings(learners, training, window, procedure.model)
    trained = {
        name: train_procedure(
            learner,
            training.rows,
            training.klines,
            window,
            metric=metric,
            rules=rules,
            seed=seed,
            refit=procedure.windows.refit,
            on_progress=on_progress if name == learners[0].name else None,
        )
        for name, learner in to_train(learners, search, procedure.model).items()
    }
    if search is not None:
        trained[SEARCHED] = replace(trained[SEARCHED], search=search)
    if procedure.model.live_bank:
        trained[SEARCHED] = replace(trained[SEARCHED], live_from_ms=window.train.end_ms)
    if procedure.model.model != BLEND:
        return trained
    members = {name: trained[name] for name in MEMBERS}
    blended = blend_procedure(members, training.rows, training.klines, window, metric=metric, rules=rules, seed=seed)
    return {BLEND: blended, **trained}
