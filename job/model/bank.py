"""Training rows as the vote's memory, and the validation rows that early stopping looks at, on the device.

Shapes: n rows, F features.
"""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from job.arrays import FloatArray
from job.model.kernel import LabelSpans
from job.model.lorentzian import LorentzianNCA
from job.model.scaling import RobustScaler
from job.model.sending import sent
from job.rows import LabelledRows

# Early stopping looks at every k-th validation row against a fixed sample of the bank: neighbouring rows share
# most of their labels, so the rest would add time and no information.
EARLY_STOP_QUERIES = 512
EARLY_STOP_BANK = 1024
START_QUERIES = 256


@dataclass(frozen=True, kw_only=True)
class Question:
    """A batch of training rows that ask, and the sample of them that answers.

    Parameters
    ----------
    queries, bank : float (Q, F) and (B, F), scaled features.
    up, bank_up : float (Q,) and (B,), labels, 0 or 1.
    weight : float (Q,), what an answer counts in the loss.
    log_weights : float (B,), logarithm of what a row counts in the vote.
    mask : whose labels' intervals meet a query's.
    """

    queries: Tensor
    up: Tensor
    weight: Tensor
    bank: Tensor
    bank_up: Tensor
    log_weights: Tensor
    mask: Tensor | LabelSpans


@dataclass(frozen=True, kw_only=True)
class TrainingBank:
    """Training rows: they are the queries, and the bank that answers them.

    Parameters
    ----------
    features : float (n, F), scaled.
    up : float (n,), labels, 0 or 1.
    weight : float (n,), what a row counts in the loss; its logarithm, in the vote.
    label_start_ms, label_end_ms : int64 (n,), UTC milliseconds.
    """

    features: Tensor
    up: Tensor
    weight: Tensor
    label_start_ms: Tensor
    label_end_ms: Tensor

    @classmethod
    def of(
        cls, rows: LabelledRows, scaler: RobustScaler, device: torch.device, weight: FloatArray | None = None
    ) -> "TrainingBank":
        """Move labelled rows to the device; without weights, all count one."""
        counts = np.ones(len(rows)) if weight is None else weight
        return cls(
            features=torch.from_numpy(scaler.transform(rows.features)).to(device),
            up=torch.from_numpy(rows.up.astype(np.float32)).to(device),
            weight=torch.from_numpy(counts.astype(np.float32)).to(device),
            label_start_ms=torch.from_numpy(rows.label_start_ms).to(device),
            label_end_ms=torch.from_numpy(rows.label_end_ms).to(device),
        )

    def __len__(self) -> int:
        return len(self.up)

    def overlap(self, queries: Tensor, candidates: Tensor) -> Tensor | LabelSpans:
        """Whose label intervals meet: such a row may not vote. A row always meets itself."""
        return LabelSpans(
            query_start_ms=self.label_start_ms[queries],
            query_end_ms=self.label_end_ms[queries],
            bank_start_ms=self.label_start_ms[candidates],
            bank_end_ms=self.label_end_ms[candidates],
        )

    def sample(self, count: int, generator: torch.Generator) -> Tensor:
        """Indexes of up to ``count`` different rows, in random order."""
        return sent(torch.randperm(len(self), generator=generator)[:count], self.up.device)

    def question(self, queries: Tensor, count: int, generator: torch.Generator) -> Question:
        """Let rows by index ask up to ``count`` others, drawn anew."""
        candidates = self.sample(count, generator)
        return Question(
            queries=self.features[queries],
            up=self.up[queries],
            weight=self.weight[queries],
            bank=self.features[candidates],
            bank_up=self.up[candidates],
            log_weights=self.weight[candidates].log(),
            mask=self.overlap(queries, candidates),
        )

    def start_sample(self, count: int, generator: torch.Generator) -> tuple[Tensor, Tensor, Tensor | LabelSpans]:
        """Queries, a bank as large as training's, and their mask: on them the first temperatures are set."""
        queries, candidates = self.sample(START_QUERIES, generator), self.sample(count, generator)
        return self.features[queries], self.features[candidates], self.overlap(queries, candidates)


@dataclass(frozen=True, kw_only=True)
class ValidationSample:
    """What early stopping looks at: validation rows, and a bank that answers them."""

    queries: Tensor
    up: Tensor
    bank: Tensor
    bank_up: Tensor
    log_weights: Tensor

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
            log_weights=bank.weight[candidates].log(),
        )

    @torch.no_grad()
    def loss(self, network: LorentzianNCA) -> float:
        """Mean log-loss of the network's forecasts."""
        probability = network.probability(self.queries, self.bank, self.bank_up, log_weights=self.log_weights)
        return float(torch.nn.functional.binary_cross_entropy(probability, self.up))
