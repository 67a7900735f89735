"""Exact k nearest neighbours under the plain Lorentzian distance: the idea without anything learned.

The bank is every training row, whose labels were all known before the first forecast. One vote for the class prior
joins the k, or eight votes of one kind would be certainty. Finding the neighbours is the whole cost: learners that
differ in k share a `NeighbourSearch`, which remembers the last few answers.
"""

import hashlib
from dataclasses import dataclass, field

import numpy as np
import torch

from job.arrays import Float32Array, FloatArray
from job.model.classifier import OnEpoch, ValidatedFit, best_candidate, mean_log_loss
from job.model.kernel import nearest
from job.model.scaling import RobustScaler
from job.rows import LabelledRows

CANDIDATES = (8, 16, 32, 64, 128)
QUERY_CHUNK = 256
# Two forward blocks and a test: what one window asks before another learner asks the same.
REMEMBERED = 3


@dataclass(frozen=True, kw_only=True)
class NeighbourBank:
    """Scaled training rows, float32 (B, F), and their labels, float32 (B,), 0 or 1."""

    features: Float32Array
    up: Float32Array

    @property
    def prior(self) -> float:
        """Share of up labels."""
        return float(self.up.mean(dtype=np.float64))


@dataclass
class NeighbourSearch:
    """The labels of the nearest rows, with a short memory for equal questions.

    Parameters
    ----------
    device : where distances are measured.
    """

    device: torch.device
    _answers: dict[bytes, Float32Array] = field(default_factory=dict, init=False)

    def nearest_labels(self, bank: NeighbourBank, queries: Float32Array) -> Float32Array:
        """Labels of each query's nearest bank rows, nearest first, float32 (n, `CANDIDATES`' largest or B)."""
        digest = hashlib.blake2b(digest_size=16)
        for array in (bank.features, bank.up, queries):
            digest.update(str(array.shape).encode())
            digest.update(np.ascontiguousarray(array).data)
        key = digest.digest()
        if key not in self._answers:
            self._answers[key] = self._search(bank, queries)
            while len(self._answers) > REMEMBERED:
                del self._answers[next(iter(self._answers))]
        return self._answers[key]

    @torch.no_grad()
    def _search(self, bank: NeighbourBank, queries: Float32Array) -> Float32Array:
        features, up = (torch.from_numpy(part).to(self.device) for part in (bank.features, bank.up))
        scales = torch.ones(features.shape[1], device=self.device)
        num_nearest = min(max(CANDIDATES), len(up))
        labels = torch.empty(len(queries), num_nearest, device=self.device)
        for first in range(0, len(queries), QUERY_CHUNK):
            rows = slice(first, first + QUERY_CHUNK)
            asked = torch.from_numpy(queries[rows]).to(self.device)
            labels[rows] = up[nearest(asked, features, scales, num_nearest).row]
        return labels.cpu().numpy()


@dataclass(frozen=True, kw_only=True)
class KnnClassifier:
    """Scaler, bank, and how many rows of it vote."""

    scaler: RobustScaler
    bank: NeighbourBank
    num_neighbours: int
    search: NeighbourSearch

    def predict(self, features: Float32Array) -> FloatArray:
        """Probability of up, float64 (n,), for unscaled features, float32 (n, F)."""
        return self.votes_of(features, self.num_neighbours)

    def votes_of(self, features: Float32Array, num_neighbours: int) -> FloatArray:
        """The same with another number of neighbours."""
        labels = self.search.nearest_labels(self.bank, self.scaler.transform(features))[:, :num_neighbours]
        share: FloatArray = (labels.sum(axis=1, dtype=np.float64) + self.bank.prior) / (labels.shape[1] + 1)
        return share


class KnnLearner:
    """Chooses the number of neighbours over the forward blocks.

    Parameters
    ----------
    name : str
    candidates : numbers of neighbours to choose from, each at most `CANDIDATES`' largest.
    search : shared by learners that ask about the same rows.
    """

    def __init__(self, *, name: str, candidates: tuple[int, ...], search: NeighbourSearch) -> None:
        self.name = name
        self._candidates = candidates
        self._search = search

    def validate(
        self, fit: LabelledRows, validation: LabelledRows, *, block: int, on_epoch: OnEpoch | None = None
    ) -> ValidatedFit:
        """Forecast with every number of neighbours, and keep the best one's forecasts."""
        classifier = self._fit(fit, self._candidates[0])
        is_labelled = np.isfinite(validation.up)
        forecasts = {k: classifier.votes_of(validation.features, k) for k in self._candidates}
        up = validation.up[is_labelled]
        losses = {float(k): mean_log_loss(up, p[is_labelled]) for k, p in forecasts.items()}
        best = min(losses, key=losses.__getitem__)
        return ValidatedFit(probability=forecasts[int(best)], losses=losses)

    def refit(
        self, train: LabelledRows, validated: tuple[ValidatedFit, ...], *, on_epoch: OnEpoch | None = None
    ) -> tuple[KnnClassifier, None]:
        """All training rows are the bank; as many vote as had the best mean loss."""
        return self._fit(train, int(best_candidate(validated))), None

    def _fit(self, rows: LabelledRows, num_neighbours: int) -> KnnClassifier:
        scaler = RobustScaler.fit(rows.features)
        bank = NeighbourBank(features=scaler.transform(rows.features), up=rows.up.astype(np.float32))
        return KnnClassifier(scaler=scaler, bank=bank, num_neighbours=num_neighbours, search=self._search)
