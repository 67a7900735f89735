"""Training of `LorentzianNCA`: queries ask a sampled bank, their own label's interval masked out of it.

Without that band mask a query finds its neighbours in time, whose labels overlap its own, and looks right on noise
(leave-one-out accuracy .7 on a random walk; .5 with the mask). Epochs are counted in sampled queries, so that
their cost does not grow with the window. On one CPU type, results depend on the seed alone.
"""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits

from job.arrays import Float32Array, FloatArray
from job.model.classifier import LossCurve, OnEpoch
from job.model.epochs import EpochLearner, seeded_generator, train_epochs
from job.model.kernel import LabelSpans
from job.model.lorentzian import LorentzianNCA
from job.model.scaling import RobustScaler
from job.rows import LabelledRows

QUERIES_AN_EPOCH = 512
BANK_SAMPLE = 256
# Early stopping looks at every k-th validation row against a fixed sample of the bank: neighbouring rows share
# most of their labels, so the rest would add time and no information.
EARLY_STOP_QUERIES = 256
EARLY_STOP_BANK = 512
SCALE_SPEED = 6.0  # the feature scales' share of the learning rate (RealMLP)
WEIGHT_DECAY = 3e-4
GRADIENT_NORM = 1.0
PREDICT_CHUNK = 256


@dataclass(frozen=True, kw_only=True)
class LorentzianClassifier:
    """A fitted vote: scaler, learned numbers, and the bank that votes."""

    scaler: RobustScaler
    network: LorentzianNCA
    bank: Tensor
    bank_up: Tensor

    @torch.no_grad()
    def predict(self, features: Float32Array) -> FloatArray:
        """Probability of up, float64 (n,), for unscaled features, float32 (n, F)."""
        queries = torch.from_numpy(self.scaler.transform(features)).to(self.bank.device)
        chunks = [torch.sigmoid(self.network(q, self.bank, self.bank_up)) for q in torch.split(queries, PREDICT_CHUNK)]
        if not chunks:
            return np.empty(0)
        return torch.cat(chunks).double().cpu().numpy()


class LorentzianLearner(EpochLearner[LorentzianClassifier]):
    """Trains the vote."""

    name = "lorentzian"

    def _train(
        self,
        rows: LabelledRows,
        validation: LabelledRows | None,
        *,
        part: int,
        num_epochs: int,
        on_epoch: OnEpoch | None,
    ) -> tuple[LorentzianClassifier, LossCurve]:
        generator = seeded_generator(self._settings, stream=self._stream, part=part)
        scaler = RobustScaler.fit(rows.features)
        bank = TrainingBank.of(rows, scaler, self._device)
        network = LorentzianNCA(bank.features.shape[1], prior=float(rows.up.mean())).to(self._device)
        network.start_temperature(*bank.start_sample(generator))
        sample = ValidationSample.of(validation, scaler, bank, generator) if validation is not None else None
        optimizer = torch.optim.AdamW(_parameter_groups(network, self._settings.lr))
        curve = train_epochs(
            network,
            optimizer,
            self._settings,
            run_epoch=lambda: _run_epoch(network, bank, optimizer, self._settings.batch_size, generator),
            validation_loss=(lambda: sample.loss(network)) if sample is not None else None,
            num_epochs=num_epochs,
            on_epoch=on_epoch,
        )
        return LorentzianClassifier(scaler=scaler, network=network, bank=bank.features, bank_up=bank.up), curve


@dataclass(frozen=True, kw_only=True)
class TrainingBank:
    """Training rows on the device: they are the queries, and the bank that answers them."""

    features: Tensor
    up: Tensor
    decision_ms: Tensor
    label_end_ms: Tensor

    @classmethod
    def of(cls, rows: LabelledRows, scaler: RobustScaler, device: torch.device) -> "TrainingBank":
        """Move labelled rows to the device."""
        return cls(
            features=torch.from_numpy(scaler.transform(rows.features)).to(device),
            up=torch.from_numpy(rows.up.astype(np.float32)).to(device),
            decision_ms=torch.from_numpy(rows.decision_ms).to(device),
            label_end_ms=torch.from_numpy(rows.label_end_ms).to(device),
        )

    def __len__(self) -> int:
        return len(self.up)

    def overlap(self, queries: Tensor, candidates: Tensor) -> Tensor:
        """Whether two rows' label intervals meet, bool (Q, B): such a row may not vote. A row always meets itself."""
        return LabelSpans(
            query_start_ms=self.decision_ms[queries],
            query_end_ms=self.label_end_ms[queries],
            bank_start_ms=self.decision_ms[candidates],
            bank_end_ms=self.label_end_ms[candidates],
        ).meet()

    def sample(self, count: int, generator: torch.Generator) -> Tensor:
        """Indexes of up to ``count`` different rows, in random order."""
        return torch.randperm(len(self), generator=generator)[:count].to(self.up.device)

    def start_sample(self, generator: torch.Generator) -> tuple[Tensor, Tensor, Tensor]:
        """Queries, a bank as large as training's, and their mask: on them the first temperature is set."""
        queries, candidates = self.sample(EARLY_STOP_QUERIES, generator), self.sample(BANK_SAMPLE, generator)
        return self.features[queries], self.features[candidates], self.overlap(queries, candidates)


@dataclass(frozen=True, kw_only=True)
class ValidationSample:
    """What early stopping looks at: validation rows, and a bank that answers them."""

    queries: Tensor
    up: Tensor
    bank: Tensor
    bank_up: Tensor

    @classmethod
    def of(
        cls, validation: LabelledRows, scaler: RobustScaler, bank: TrainingBank, generator: torch.Generator
    ) -> "ValidationSample":
        """Thin out the labelled validation rows and sample the bank once."""
        labelled = validation.select(np.isfinite(validation.up))
        thinned = labelled.select(np.arange(0, len(labelled), max(1, len(labelled) // EARLY_STOP_QUERIES)))
        candidates = bank.sample(EARLY_STOP_BANK, generator)
        device = bank.features.device
        return cls(
            queries=torch.from_numpy(scaler.transform(thinned.features)).to(device),
            up=torch.from_numpy(thinned.up.astype(np.float32)).to(device),
            bank=bank.features[candidates],
            bank_up=bank.up[candidates],
        )

    @torch.no_grad()
    def loss(self, network: LorentzianNCA) -> float:
        """Mean log-loss of the network's forecasts."""
        return float(binary_cross_entropy_with_logits(network(self.queries, self.bank, self.bank_up), self.up))


def _run_epoch(
    network: LorentzianNCA,
    bank: TrainingBank,
    optimizer: torch.optim.Optimizer,
    batch_size: int,
    generator: torch.Generator,
) -> float:
    losses = []
    for queries in torch.split(bank.sample(QUERIES_AN_EPOCH, generator), batch_size):
        candidates = bank.sample(BANK_SAMPLE, generator)
        logit = network(
            bank.features[queries],
            bank.features[candidates],
            bank.up[candidates],
            bank.overlap(queries, candidates),
        )
        loss = binary_cross_entropy_with_logits(logit, bank.up[queries])
        optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(network.parameters(), GRADIENT_NORM)
        optimizer.step()
        losses.append(loss.detach())
    return float(torch.stack(losses).mean())


def _parameter_groups(network: LorentzianNCA, rate: float) -> list[dict[str, object]]:
    fast = [network.log_scales, network.log_temperature, network.prior_logit_share]
    return [
        {"params": fast, "lr": rate * SCALE_SPEED, "speed": SCALE_SPEED, "weight_decay": 0.0},
        {"params": [network.skip], "lr": rate, "speed": 1.0, "weight_decay": WEIGHT_DECAY},
    ]
