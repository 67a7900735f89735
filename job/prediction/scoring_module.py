"""A stored model as one module of plain torch: unscaled features in, calibrated probability of up out.

The formulas are those of the classifiers, in float64 and without the compiled kernel, so that what is exported needs
nothing of this package. Shapes: n rows, B bank rows, F features.
"""

import copy

import torch
from torch import Tensor, nn

from job.errors import UsageError
from job.model.blend import WeighedMembers
from job.model.calibration import FLOOR
from job.model.classifier import Classifier
from job.model.fit import LorentzianClassifier
from job.model.knn import KnnClassifier
from job.model.logistic import LogisticClassifier
from job.model.lorentzian import PROBABILITY_FLOOR
from job.model.mlp import MlpClassifier
from job.model.scaling import CLIP, RobustScaler
from job.prediction.stored_model import StoredModel


def scoring_module(model: StoredModel) -> nn.Module:
    """From float (n, F) to float64 (n,).

    Raises
    ------
    UsageError
        For trees, which are no torch, and for a bank that grows, which a file cannot.
    """
    if model.live_from_ms is not None:
        raise UsageError(
            "A model that was trained with --live-bank cannot be exported: its bank grows with every bar.",
            remedy="Train one without --live-bank, or let `lorentzian predict` forecast.",
        )
    return Calibrated(_score(model.classifier), prior=model.prior, slope=model.slope).eval().requires_grad_(False)


def _score(classifier: Classifier) -> nn.Module:
    match classifier:
        case LorentzianClassifier():
            return LorentzianScore(classifier)
        case LogisticClassifier():
            return LogisticScore(classifier)
        case MlpClassifier():
            return MlpScore(classifier)
        case KnnClassifier():
            return KnnScore(classifier)
        case WeighedMembers():
            return BlendScore(classifier)
    raise UsageError(
        "A LightGBM model, alone or in a blend, cannot be exported: its trees are no torch.",
        remedy="The .pt file holds LightGBM's own text under `model`, which `lightgbm.Booster(model_str=...)` reads.",
    )


class Calibrated(nn.Module):
    """A score moved to the prior, as `job.model.calibration.shrink` does."""

    def __init__(self, score: nn.Module, *, prior: float, slope: float) -> None:
        super().__init__()
        self.score = score
        self.slope = slope
        self.offset = float(_logit(torch.tensor(prior, dtype=torch.float64)))

    def forward(self, features: Tensor) -> Tensor:
        """Probability of up, float64 (n,)."""
        logit = _logit(self.score(features.double()))
        return torch.sigmoid(self.offset + self.slope * (logit - self.offset))


class Scaled(nn.Module):
    """`job.model.scaling.RobustScaler`."""

    center: Tensor
    range: Tensor

    def __init__(self, scaler: RobustScaler) -> None:
        super().__init__()
        self.register_buffer("center", torch.from_numpy(scaler.center).double())
        self.register_buffer("range", torch.from_numpy(scaler.range).double())

    def forward(self, features: Tensor) -> Tensor:
        """Scaled features, float64 (n, F)."""
        scaled = (features - self.center) / self.range
        return scaled / torch.hypot(torch.ones_like(scaled), scaled / CLIP)


class LogisticScore(nn.Module):
    """`job.model.logistic.LogisticClassifier`."""

    coefficients: Tensor

    def __init__(self, classifier: LogisticClassifier) -> None:
        super().__init__()
        self.scaled = Scaled(classifier.scaler)
        self.intercept = classifier.intercept
        self.register_buffer("coefficients", torch.from_numpy(classifier.coefficients))

    def forward(self, features: Tensor) -> Tensor:
        """Probability of up, float64 (n,)."""
        return torch.sigmoid(self.scaled(features) @ self.coefficients + self.intercept)


class MlpScore(nn.Module):
    """`job.model.mlp.MlpClassifier`."""

    def __init__(self, classifier: MlpClassifier) -> None:
        super().__init__()
        self.scaled = Scaled(classifier.scaler)
        self.network = copy.deepcopy(classifier.network).double()

    def forward(self, features: Tensor) -> Tensor:
        """Probability of up, float64 (n,)."""
        return torch.sigmoid(self.network(self.scaled(features)))


class KnnScore(nn.Module):
    """`job.model.knn.KnnClassifier`; of rows that are equally near, any may vote."""

    bank: Tensor
    up: Tensor

    def __init__(self, classifier: KnnClassifier) -> None:
        super().__init__()
        self.scaled = Scaled(classifier.scaler)
        self.num_neighbours = min(classifier.num_neighbours, len(classifier.bank.up))
        self.prior = classifier.bank.prior
        self.register_buffer("bank", torch.from_numpy(classifier.bank.features).double())
        self.register_buffer("up", torch.from_numpy(classifier.bank.up).double())

    def forward(self, features: Tensor) -> Tensor:
        """Probability of up, float64 (n,)."""
        distance = mean_log_distance(self.scaled(features), self.bank)
        nearest = torch.topk(distance, self.num_neighbours, dim=1, largest=False).indices
        return (self.up[nearest].sum(dim=1) + self.prior) / (self.num_neighbours + 1)


class LorentzianScore(nn.Module):
    """`job.model.fit.LorentzianClassifier`; what it stays silent about is forecast like any other row."""

    bank: Tensor
    up: Tensor
    log_weights: Tensor

    def __init__(self, classifier: LorentzianClassifier) -> None:
        super().__init__()
        self.scaled = Scaled(classifier.scaler)
        self.network = copy.deepcopy(classifier.network).double()
        self.register_buffer("bank", classifier.bank.double())
        self.register_buffer("up", classifier.bank_up.double())
        self.register_buffer("log_weights", classifier.log_weights.double())

    def forward(self, features: Tensor) -> Tensor:
        """Mean of the members' probabilities of up, float64 (n,)."""
        queries = self.scaled(features)
        members = [self._member(queries, member) for member in range(self.network.num_members)]
        return torch.stack(members).mean(dim=0)

    def _member(self, queries: Tensor, member: int) -> Tensor:
        network, prior = self.network, self.network.prior
        distance = mean_log_distance(queries, self.bank, network.scales[member])
        if network.encoder is not None:
            embedded = (network.encoder(rows, member) for rows in (queries, self.bank))
            gate = torch.sigmoid(network.gate_logit[member])
            distance = (1 - gate) * distance + gate * mean_log_distance(*embedded)
        voted = torch.softmax(self.log_weights - distance / network.temperature[member], dim=1) @ self.up
        share = torch.sigmoid(network.prior_logit_share[member])
        mixed = (1 - share) * voted + share * prior
        moved = torch.logit(mixed.clamp(PROBABILITY_FLOOR, 1 - PROBABILITY_FLOOR)) - torch.logit(prior)
        return torch.sigmoid(network.line(queries) + moved + network.correction)


class BlendScore(nn.Module):
    """`job.model.blend.WeighedMembers`."""

    def __init__(self, classifier: WeighedMembers) -> None:
        super().__init__()
        self.members = nn.ModuleList(
            Calibrated(_score(member.classifier), prior=member.prior, slope=member.slope)
            for member in classifier.members
        )
        self.weights = [member.weight for member in classifier.members]

    def forward(self, features: Tensor) -> Tensor:
        """The weighted mean of the members' logits as a probability, float64 (n,)."""
        logits = [weight * _logit(member(features)) for member, weight in zip(self.members, self.weights, strict=True)]
        return torch.sigmoid(torch.stack(logits).sum(dim=0))


def mean_log_distance(queries: Tensor, bank: Tensor, scales: Tensor | None = None) -> Tensor:
    """Mean of log(1 + s |q - b|) over features, (n, B); a feature at a time, so that no array of n x B x F is made."""
    num_features = queries.shape[1]
    total = torch.zeros_like(queries[:, :1] * bank[:, 0])
    for feature in range(num_features):
        apart = (queries[:, feature, None] - bank[:, feature]).abs()
        total = total + torch.log1p(apart if scales is None else scales[feature] * apart)
    return total / num_features


def _logit(probability: Tensor) -> Tensor:
    """As of `job.model.calibration`."""
    clipped = probability.clamp(FLOOR, 1 - FLOOR)
    return clipped.log() - torch.log1p(-clipped)
