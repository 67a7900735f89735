"""Which past bars a forecast comes from: the rows that weighed most in the vote, and how they ended. Pure."""

from dataclasses import dataclass

import numpy as np
import torch

from job.arrays import Float32Array
from job.model.blend import WeighedMembers
from job.model.classifier import Classifier
from job.model.fit import LorentzianClassifier
from job.model.kernel import nearest
from job.model.knn import KnnClassifier
from job.model.lorentzian import effective_neighbours
from job.prediction.stored_model import StoredModel


@dataclass(frozen=True, kw_only=True)
class Neighbour:
    """One bar that voted.

    Parameters
    ----------
    open_ms : its open, UTC milliseconds; None where the model file does not say.
    weight : its share of the vote.
    up : how its label came out.
    """

    open_ms: int | None
    weight: float
    up: bool


@dataclass(frozen=True, kw_only=True)
class Neighbourhood:
    """The bars that weighed most, heaviest first, and how many bars the vote effectively counts."""

    neighbours: tuple[Neighbour, ...]
    num_effective: float


def neighbourhood(model: StoredModel, features: Float32Array, count: int) -> Neighbourhood | None:
    """What voted on one row, unscaled features float32 (1, F); None for models in which no neighbours vote.

    Of a blend it is its member that votes; of a vote of several members, the mean of their shares.
    """
    voter = _voter(model.classifier)
    if voter is None:
        return None
    weights, up = _votes(voter, features)
    heaviest = np.argsort(-weights, kind="stable")[:count]
    open_ms = model.row_open_ms
    return Neighbourhood(
        neighbours=tuple(
            Neighbour(
                open_ms=None if open_ms is None else int(open_ms[row]), weight=float(weights[row]), up=bool(up[row])
            )
            for row in heaviest
            if weights[row] > 0
        ),
        num_effective=float(effective_neighbours(torch.from_numpy(weights)[None])[0]),
    )


def _voter(classifier: Classifier) -> LorentzianClassifier | KnnClassifier | None:
    if isinstance(classifier, WeighedMembers):
        voters = (_voter(member.classifier) for member in classifier.members)
        return next((voter for voter in voters if voter is not None), None)
    return classifier if isinstance(classifier, LorentzianClassifier | KnnClassifier) else None


@torch.no_grad()
def _votes(voter: LorentzianClassifier | KnnClassifier, features: Float32Array) -> tuple[Float32Array, Float32Array]:
    """Each bank row's share of the vote, and its label, float32 (B,)."""
    query = torch.from_numpy(voter.scaler.transform(features))
    if isinstance(voter, LorentzianClassifier):
        members = range(voter.network.num_members)
        weights = [
            voter.network.weights(query, voter.bank, log_weights=voter.log_weights, member=member) for member in members
        ]
        return torch.stack(weights).mean(dim=0)[0].numpy(), voter.bank_up.numpy()
    bank = torch.from_numpy(voter.bank.features)
    found = nearest(query, bank, torch.ones(bank.shape[1]), min(voter.num_neighbours, len(bank))).row[0].numpy()
    shares = np.zeros(len(bank), dtype=np.float32)
    shares[found] = 1 / len(found)
    return shares, voter.bank.up
