"""A plain network with one hidden layer: what a learner makes of the same rows without the idea of neighbours.

It starts as the class prior. Sixteen hidden units are few; the rows of a window have labels that overlap, and are
worth a few hundred independent ones. Epochs are counted in sampled rows, as those of the Lorentzian vote are, and
it learns ten times as fast: eight steps an epoch are too few for its weights at a rate that is meant for scales.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits

from job.arrays import Float32Array, FloatArray
from job.model.adamw import AdamW
from job.model.classifier import LossCurve, OnEpoch
from job.model.epochs import EpochLearner, seeded_generator, train_epochs
from job.model.scaling import RobustScaler
from job.model.sending import sent
from job.rows import LabelledRows

HIDDEN_UNITS = 16
ROWS_AN_EPOCH = 512
SPEED = 10.0
WEIGHT_DECAY = 3e-4


class PlainNetwork(nn.Module):
    """Linear, ReLU, linear: (n, F) to logits (n,).

    Parameters
    ----------
    num_features : int
    prior : float
        Share of up labels in the training rows; the untrained network forecasts it.
    generator : torch.Generator
        Draws the hidden weights.
    """

    def __init__(self, num_features: int, *, prior: float, generator: torch.Generator) -> None:
        super().__init__()
        weights = torch.randn(num_features, HIDDEN_UNITS, generator=generator) * (2 / num_features) ** 0.5
        self.hidden = nn.Parameter(weights)
        self.hidden_bias = nn.Parameter(torch.zeros(HIDDEN_UNITS))
        self.output = nn.Parameter(torch.zeros(HIDDEN_UNITS))
        self.output_bias = nn.Parameter(torch.logit(torch.tensor(prior)))

    def forward(self, features: Tensor) -> Tensor:
        """Logit of p(up), float (n,), for scaled features, float (n, F)."""
        return torch.relu(features @ self.hidden + self.hidden_bias) @ self.output + self.output_bias


@dataclass(frozen=True, kw_only=True)
class MlpClassifier:
    """Scaler and fitted network."""

    scaler: RobustScaler
    network: PlainNetwork

    @torch.no_grad()
    def predict(self, features: Float32Array) -> FloatArray:
        """Probability of up, float64 (n,), for unscaled features, float32 (n, F)."""
        scaled = torch.from_numpy(self.scaler.transform(features)).to(self.network.hidden.device)
        return torch.sigmoid(self.network(scaled)).double().cpu().numpy()


class MlpLearner(EpochLearner[MlpClassifier]):
    """Trains the plain network."""

    name = "mlp"

    def _train(
        self,
        rows: LabelledRows,
        validation: LabelledRows | None,
        *,
        part: int,
        num_epochs: int,
        on_epoch: OnEpoch | None,
    ) -> tuple[MlpClassifier, LossCurve]:
        generator = seeded_generator(self._settings, stream=self._stream, part=part)
        scaler = RobustScaler.fit(rows.features)
        network = PlainNetwork(rows.features.shape[1], prior=float(rows.up.mean()), generator=generator)
        network.to(self._device)
        group = {"params": network.parameters(), "lr": self._settings.lr, "speed": SPEED, "weight_decay": WEIGHT_DECAY}
        optimizer = AdamW([group])
        features, up = self._tensors(rows, scaler)

        def run_epoch() -> float:
            losses = []
            sample = sent(torch.randperm(len(up), generator=generator)[:ROWS_AN_EPOCH], self._device)
            for batch in torch.split(sample, self._settings.batch_size):
                loss = binary_cross_entropy_with_logits(network(features[batch]), up[batch])
                optimizer.zero_grad()
                loss.backward()  # type: ignore[no-untyped-call]
                optimizer.step()
                losses.append(loss.detach())
            return float(torch.stack(losses).mean())

        curve = train_epochs(
            network,
            optimizer,
            self._settings,
            run_epoch=run_epoch,
            validation_loss=None if validation is None else self._validation_loss(network, validation, scaler),
            num_epochs=num_epochs,
            on_epoch=on_epoch,
        )
        return MlpClassifier(scaler=scaler, network=network), curve

    def _validation_loss(
        self, network: PlainNetwork, validation: LabelledRows, scaler: RobustScaler
    ) -> Callable[[], float]:
        features, up = self._tensors(validation.select(np.isfinite(validation.up)), scaler)

        @torch.no_grad()
        def measure() -> float:
            return float(binary_cross_entropy_with_logits(network(features), up))

        return measure

    def _tensors(self, rows: LabelledRows, scaler: RobustScaler) -> tuple[Tensor, Tensor]:
        features = torch.from_numpy(scaler.transform(rows.features)).to(self._device)
        return features, torch.from_numpy(rows.up.astype(np.float32)).to(self._device)
